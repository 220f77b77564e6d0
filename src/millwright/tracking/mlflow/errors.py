"""Errors as MLflow's clients read them: ``{"error_code": ..., "message": ...}`` with a status."""

from __future__ import annotations

import msgspec

from millwright.kernel.errors import MillwrightError

STATUS_OF = {
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "RESOURCE_EXHAUSTED": 429,
    "RESOURCE_CONFLICT": 409,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "NOT_FOUND": 404,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "BAD_REQUEST": 400,
    "MALFORMED_REQUEST": 400,
    "INVALID_STATE": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_PARAMETER_VALUE": 400,
}
"""HTTP status by error code, as MLflow's server has them (an invalid state is the client's here)."""
_CODE_OF = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_ALREADY_EXISTS",
    413: "INVALID_PARAMETER_VALUE",
    503: "TEMPORARILY_UNAVAILABLE",
}
_CLASS_OF = {
    "BAD_REQUEST": "INVALID_PARAMETER_VALUE",
    "ENDPOINT_NOT_FOUND": "RESOURCE_NOT_FOUND",
    "INTERNAL_ERROR": "CLIENT_INTERNAL_ERROR",
    "INVALID_PARAMETER_VALUE": "INVALID_PARAMETER_VALUE",
    "INVALID_STATE": "CLIENT_INTERNAL_ERROR",
    "NOT_FOUND": "RESOURCE_NOT_FOUND",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "RESOURCE_ALREADY_EXISTS": "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST": "RESOURCE_NOT_FOUND",
    "TEMPORARILY_UNAVAILABLE": "CLIENT_INTERNAL_ERROR",
}
"""What newer clients sort errors by, beside the code."""
SEE_THE_DOCS = " See the API docs for more information about request parameters."


class MlflowError(Exception):
    """An answer that says no, in MLflow's words.

    Args:
        code: one of MLflow's error codes.
        message: what clients show, and now and then match on.
        status: only where it is not the code's usual one.

    >>> MlflowError("RESOURCE_DOES_NOT_EXIST", "No Experiment with id=7 exists").status
    404
    """

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status if status is not None else STATUS_OF.get(code, 400)

    def body(self) -> bytes:
        """The answer's JSON."""
        answer = {"error_code": self.code, "message": self.message}
        kind = _CLASS_OF.get(self.code)
        if kind is not None:
            answer["sqlstate"] = "XXM00" if kind == "CLIENT_INTERNAL_ERROR" else "KAM00"
            answer["error_class"] = kind
        return msgspec.json.encode(answer)


def invalid(message: str) -> MlflowError:
    """``INVALID_PARAMETER_VALUE``."""
    return MlflowError("INVALID_PARAMETER_VALUE", message)


def missing(parameter: str) -> MlflowError:
    """A required parameter is absent or empty."""
    return invalid(f"Missing value for required parameter '{parameter}'.{SEE_THE_DOCS}")


def bad_value(parameter: str, value: object) -> MlflowError:
    """A parameter is not of its type."""
    try:
        shown = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, RecursionError):
        shown = repr(value)
    return invalid(
        f"Invalid value {shown[:200]} for parameter '{parameter}' supplied: "
        f" Hint: Value was of type '{type(value).__name__}'.{SEE_THE_DOCS}"
    )


def absent(message: str) -> MlflowError:
    """``RESOURCE_DOES_NOT_EXIST``."""
    return MlflowError("RESOURCE_DOES_NOT_EXIST", message)


def translated(error: MillwrightError) -> MlflowError:
    """One of our own errors as MLflow's clients read it; the hint stays part of the sentence."""
    code = _CODE_OF.get(error.status, "INTERNAL_ERROR")
    return MlflowError(
        code, str(error), status=400 if code == "RESOURCE_ALREADY_EXISTS" else error.status
    )
