"""A model package from wherever a person names it: a folder, or a version of the registry."""

from __future__ import annotations

from pathlib import Path

from millwright.kernel.errors import Corrupt


def package_at(place: str, project: str | None = None) -> tuple[Path, int]:
    """The folder of a package and the number of its version (0 for a folder that is just given).

    Args:
        place: a folder, or ``MODEL@ALIAS`` (``MODEL@3``), which is fetched and verified.
        project: whose model; by default the project of the folder we are in.

    Raises:
        NotFound: there is no such model or version. A folder without a package is only noticed by
            who reads it.
        Corrupt: the package did not arrive as it was registered.
    """
    folder = Path(place)
    if folder.is_dir() or "@" not in place:
        return folder, 0
    model, _, which = place.partition("@")
    from millwright.kernel.workspace import project_here

    return _fetch(project or project_here(), model, which)


def _fetch(project: str, model: str, which: str) -> tuple[Path, int]:
    from urllib.parse import quote

    from millwright.kernel.door import connect
    from millwright.kernel.model_package import MANIFEST
    from millwright.kernel.objects import digest_of
    from millwright.kernel.workspace import Workspace

    path = f"/projects/{project}/models/{quote(model, safe='')}/versions/{quote(which, safe='')}"
    with connect() as door:
        version = door.get(path)
        folder = Workspace.find().folder("served", str(version["id"]))
        for name, digest in {**version["digests"], MANIFEST: version["manifest"]}.items():
            content = door.fetch(project, digest)
            if digest_of(content) != digest:
                raise Corrupt(
                    "serving.digest",
                    f"{name} of {model}@{which} did not arrive as it was registered.",
                    hint="Try again; if it recurs, the object store is damaged.",
                )
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    return folder, int(version["version"])
