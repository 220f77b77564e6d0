"""``python -m millwright.serving.container``: the server of an image, told everything by its folder.

The folder (``/opt/millwright``, or what ``MILLWRIGHT_HOME`` says) holds ``model/``, the package. The
port is ``PORT`` (8080 where it is not set), as Knative, Cloud Run and SageMaker agree. SageMaker adds
the word ``serve``. On SIGTERM what was begun is finished.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from millwright.kernel.errors import InvalidInput, MillwrightError
from millwright.serving.config import ServerConfig, VariantConfig

HOME = "MILLWRIGHT_HOME"
DEFAULT_HOME = "/opt/millwright"
TRUST = "MILLWRIGHT_TRUST_CODE"
"""Environment variable that is ``1`` where the package may run code that it holds."""
EVERYWHERE = "0.0.0.0"  # noqa: S104 - an image has a network of its own


def config_of(package: Path) -> ServerConfig:
    """What to serve: this one package; the prediction log goes to ``MILLWRIGHT_LOG_FOLDER``."""
    from millwright.kernel.scoring import read_manifest

    name = read_manifest(package).model
    version = os.environ.get("MILLWRIGHT_MODEL_VERSION", "0")
    log = os.environ.get("MILLWRIGHT_LOG_FOLDER")
    variant = VariantConfig(
        name="champion", package=package, version_id=f"{name}-{version}", version=int(version)
    )
    return ServerConfig(
        deployment=os.environ.get("MILLWRIGHT_DEPLOYMENT", name),
        model_name=name,
        spool=None if log is None else Path(log),
        variants=(variant,),
        trust_code=os.environ.get(TRUST) == "1",
    )


def everything_for(package: Path, *, behind_http: bool = False) -> None:
    """Load all that serving this package takes, and the program that reads the sockets.

    ``behind_http``: without that program, as in a function that is called with whole requests.
    """
    from millwright.serving.models import Models

    wanted = ["millwright.serving.aws_lambda"]
    if not behind_http:
        wanted += ["millwright.serving.server", "uvicorn.protocols.http.httptools_impl"]
        optional = {"uvloop": "uvloop", "granian": "millwright.serving.rsgi"}
        wanted += [name for top, name in optional.items() if importlib.util.find_spec(top)]
    for name in wanted:
        importlib.import_module(name)
    models = Models(config_of(package))
    models.start()
    models.close()


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM; the exit code is 0, or that of the error on stderr."""
    from millwright.serving.listening import listen
    from millwright.serving.server import serve

    try:
        if arguments not in ([], ["serve"]):
            raise InvalidInput(
                "serving.container",
                f"This image knows no {' '.join(arguments)!r}.",
                hint="Run it without arguments, or with: serve",
            )
        if (api := os.environ.get("AWS_LAMBDA_RUNTIME_API")) is not None:
            from millwright.serving.aws_lambda import answer_events

            answer_events(api)
        config = config_of(Path(os.environ.get(HOME, DEFAULT_HOME)) / "model")
        program = "granian" if importlib.util.find_spec("granian") else "uvicorn"
        host = os.environ.get("HOST", EVERYWHERE)
        with listen(host, int(os.environ.get("PORT", "8080"))) as bound:
            serve(config, bound, program)
    except MillwrightError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
