"""The folder that an image is built from: the model, the server, the libraries it loads, no more."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from millwright.deployment.targets.closure import (
    copy_distributions,
    distributions_for,
    versions_of,
)
from millwright.deployment.targets.manifests import PORT
from millwright.deployment.targets.native_python import LIBRARIES, PYTHON, write_root
from millwright.kernel.target_config import ContainerTarget
from millwright.serving import DEFAULT_HOME, TRUST

CONTAINERFILE = "Containerfile"
Tell = Callable[[str], None]

_TEMPLATE = """\
# {model} version {version}, served by Millwright. Build it with: docker build -t {image} -f Containerfile .
FROM {base}
{root}COPY --chown=0:0 libraries {home}/libraries
COPY --chown=0:0 model {home}/model
LABEL org.opencontainers.image.title="{model}" \\
      org.opencontainers.image.version="{version}" \\
      org.opencontainers.image.revision="{digest}"
ENV PYTHONPATH={home}/libraries PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \\
    LD_LIBRARY_PATH={system} PORT={port} \\
    MILLWRIGHT_MODEL_VERSION={version} MILLWRIGHT_DEPLOYMENT={deployment} {trust}
USER 65532:65532
EXPOSE {port}
STOPSIGNAL SIGTERM
ENTRYPOINT ["{python}", "-m", "millwright.serving.container"]
"""


def write_context(
    folder: Path,
    package: Path,
    settings: ContainerTarget,
    *,
    image: str,
    deployment: str,
    model: str,
    version: int,
    digest: str,
    tell: Tell,
) -> dict[str, str]:
    """Write what an image is built from into ``folder``; the versions of its libraries by name.

    Args:
        package: the model package that goes in.
        digest: of its manifest.

    Raises:
        Unavailable: the model cannot be loaded here, or this machine's Python cannot go in.
    """
    tell("Loading the model to see what serving it takes …")
    names = distributions_for(package, trust_code=settings.trust_code)
    tell(f"Copying {len(names)} libraries …")
    libraries = folder / "libraries"
    copy_distributions(names, libraries)
    shutil.copytree(package, folder / "model")
    root = ""
    if settings.base is None:
        tell("Copying this machine's Python …")
        write_root(folder / "root", libraries.rglob("*.so*"))
        root = "COPY --chown=0:0 root /\n"
    python = PYTHON if settings.base is None else "python3"
    _readable(folder)
    (folder / CONTAINERFILE).write_text(
        _TEMPLATE.format(
            base=settings.base or "scratch",
            root=root,
            home=DEFAULT_HOME,
            system=LIBRARIES,
            port=PORT,
            python=python,
            image=image,
            model=model,
            version=version,
            deployment=deployment,
            digest=digest,
            trust=f"{TRUST}={int(settings.trust_code)}",
        )
    )
    versions = {"python": sys.version.partition(" ")[0], **versions_of(names)}
    (folder / "libraries.json").write_text(json.dumps(versions, indent=2) + "\n")
    return versions


def _readable(folder: Path) -> None:
    """The server in the image is nobody in particular, and has to read all of it."""
    for path in folder.rglob("*"):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode & 0o7777
        path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
