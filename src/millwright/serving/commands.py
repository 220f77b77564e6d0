"""``mw serve``: model packages served in the foreground, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.serving.config import ServerConfig


@click.command()
@click.argument("packages", metavar="FOLDER|MODEL@ALIAS|GRAPH.yaml...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to bind.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: a free one."
)
@click.option(
    "--log-folder",
    type=click.Path(file_okay=False),
    help="Write the prediction log here (Arrow files); none is kept by default.",
)
@click.option(
    "--server",
    type=click.Choice(["uvicorn", "granian"]),
    default="uvicorn",
    show_default=True,
    help="What answers HTTP: uvicorn is soonest for a lone caller, granian for many at once.",
)
@click.option(
    "--grpc-port", type=click.IntRange(0, 65535), help="Answer gRPC too, here (0: a free one)."
)
@click.option(
    "--cache",
    "cache_rows",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Keep so many answers for requests that bring the same values again.",
)
@click.option(
    "--max-in-flight",
    default=1024,
    show_default=True,
    type=click.IntRange(1),
    help="Answer 429 to requests beyond so many at once.",
)
@click.option(
    "--memory",
    "memory_mb",
    type=click.IntRange(1),
    help="Memory for models in MB: each is loaded when somebody asks, the longest unused let go.",
)
@click.option(
    "--trust-code",
    is_flag=True,
    help="Let packages and graphs run code that they hold (PyTorch, MLflow, Python classes).",
)
@click.option(
    "--guard",
    type=click.Choice(["off", "flag", "reject"]),
    default="off",
    show_default=True,
    help="What happens to values unlike any the model was trained on.",
)
@click.option(
    "--keys",
    "keys_file",
    type=click.Path(exists=True, dir_okay=False),
    help='Keys of callers: a JSON list of {"name", "sha256", "per_second"}.',
)
@click.option("--oidc-issuer", metavar="URL", help="Take tokens of this OpenID Connect issuer.")
@click.option("--oidc-audience", metavar="NAME", help="What its tokens for this server are for.")
@click.option(
    "--lookups",
    "lookups_file",
    type=click.Path(exists=True, dir_okay=False),
    help="Fields that are looked up by ids: a YAML or JSON list of lookups.",
)
@click.option(
    "--traces", metavar="URL", help="Send traces here: an OTLP/HTTP collector, …:4318/v1/traces."
)
@click.option(
    "--workers",
    default="1",
    show_default=True,
    metavar="N|LEAST-MOST",
    help="Processes that answer; with a range, such as 0-4, as many as the load asks for.",
)
@click.option("--project", help="Whose model; by default the project of this folder.")
def serve(
    packages: tuple[str, ...],
    host: str,
    port: int,
    log_folder: str | None,
    server: str,
    grpc_port: int | None,
    cache_rows: int,
    max_in_flight: int,
    memory_mb: int | None,
    trust_code: bool,
    guard: str,
    keys_file: str | None,
    oidc_issuer: str | None,
    oidc_audience: str | None,
    lookups_file: str | None,
    traces: str | None,
    workers: str,
    project: str | None,
) -> None:
    """Serve models until Ctrl-C: package FOLDERs, MODEL@ALIAS (MODEL@3) of the registry, or graphs.

    This is the server that deployments run, without control plane, canary or restarts. Of several
    models the first answers where a request names none. A graph is a YAML file that joins models
    and functions behind one name.
    """
    from millwright.serving.config import config_of
    from millwright.serving.listening import listen
    from millwright.serving.server import serve as serve_config

    limits = {
        "cache_rows": cache_rows,
        "max_in_flight": max_in_flight,
        "trust_code": trust_code,
        "guard": guard,
        "engine": server,
        "workers": _range_of(workers),
        "keys": [] if keys_file is None else _keys_in(keys_file),
        "oidc": None
        if oidc_issuer is None
        else {"issuer": oidc_issuer, "audience": oidc_audience or ""},
        "traces": None if traces is None else {"url": traces},
        "lookups": [] if lookups_file is None else _lookups_in(lookups_file),
    }
    first, *others = (
        _config_of(place, project, log_folder, len(packages) > 1, limits) for place in packages
    )
    memory = None if memory_mb is None else memory_mb * 1_000_000
    content = first.model_dump() | {"others": [one.model_dump() for one in others]}
    config = config_of(content | {"memory_bytes": memory})
    with listen(host, port) as bound:
        serve_config(config, bound, grpc_port=grpc_port)


def _range_of(workers: str) -> dict[str, int]:
    from millwright.kernel.errors import InvalidInput

    least, dash, most = workers.partition("-")
    if not least.isdigit() or (dash and not most.isdigit()):
        raise InvalidInput(
            "serving.workers",
            f"'{workers}' is no number of workers.",
            hint="Write 2, or a range such as 0-4.",
        )
    return {"least": int(least), "most": int(most) if dash else int(least)}


def _keys_in(file: str) -> object:
    import json
    from pathlib import Path

    from millwright.kernel.errors import InvalidInput

    try:
        return json.loads(Path(file).read_text("utf-8"))
    except ValueError as cause:
        raise InvalidInput(
            "serving.keys",
            f"The keys in {file} are not JSON: {cause}.",
            hint='Write a list of {"name": …, "sha256": …, "per_second": …}.',
        ) from cause


def _lookups_in(file: str) -> object:
    from pathlib import Path

    import yaml

    from millwright.kernel.errors import InvalidInput

    try:
        return yaml.safe_load(Path(file).read_text("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as cause:
        reason = " ".join(str(cause).split())[:300]
        raise InvalidInput(
            "serving.lookups",
            f"The lookups in {file} are not YAML: {reason}.",
            hint="Write a list of {name, url, entities, features}.",
        ) from cause


def _config_of(
    place: str,
    project: str | None,
    log_folder: str | None,
    among_others: bool,
    limits: Mapping[str, object],
) -> ServerConfig:
    """What serves the package at ``place`` under its model's name."""
    from pathlib import Path

    from millwright.kernel.scoring import read_manifest
    from millwright.serving.config import config_of
    from millwright.serving.fetching import package_at
    from millwright.serving.graph.opening import is_graph, variant_of

    variant: dict[str, object]
    if is_graph(place):
        spec, variant = variant_of(Path(place), project)
        name = spec.graph
    else:
        folder, number = package_at(place, project)
        name = read_manifest(folder).model
        variant = {
            "name": "champion",
            "package": folder,
            "version_id": folder.name,
            "version": number,
        }
    spool = None if log_folder is None else Path(log_folder)
    if spool is not None and among_others:
        spool = spool / name  # their columns differ
    return config_of(
        {
            "deployment": name,
            "model_name": name,
            "spool": spool,
            "variants": [variant],
            **limits,
        }
    )
