"""The MLflow protocol: what an unmodified ``mlflow`` client calls, answered from our own records.

A room adds endpoints in a module of its own that holds a table named ``endpoints``::

    from millwright.tracking import Endpoints, MlflowCall, MlflowError, Reply

    endpoints = Endpoints()

    @endpoints.post("registered-models/create", permission=Permission.WRITE)
    def create_registered_model(call: MlflowCall) -> object:
        asked = call.read(NewRegisteredModel)        # a msgspec.Struct; query or JSON body alike
        ...                                          # call.store, call.actor, call.project
        return {"registered_model": {...}}           # anything msgspec can encode

and names the module in ``server/rooms.py`` (``MLFLOW``). Paths are those of MLflow's own list,
below ``/api/2.0/mlflow/`` (every version and the ``ajax-api`` twin are answered alike); a path that
starts with ``/`` stands at the root of the tracking URI (``/api/2.0/mlflow-artifacts/...``,
``/v1/traces``). ``{name}`` in a path is one segment, ``{name:path}`` the rest. Handlers are plain
functions, run in a worker thread, or coroutines where they never block; one declared with
``streams=True`` is a coroutine that reads its body itself from ``call.stream()``. Errors are
``MlflowError`` or any ``MillwrightError``: the gateway gives both MLflow's form. An endpoint not
in a table answers 404 ``ENDPOINT_NOT_FOUND``.
"""
