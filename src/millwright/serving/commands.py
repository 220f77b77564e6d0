"""``mw serve``: one model package served in the foreground, nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from millwright.kernel.model_package import Manifest


@click.command()
@click.argument("package", metavar="FOLDER|MODEL@ALIAS")
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
@click.option("--project", help="Whose model; by default the project of this folder.")
def serve(
    package: str,
    host: str,
    port: int,
    log_folder: str | None,
    server: str,
    grpc_port: int | None,
    cache_rows: int,
    max_in_flight: int,
    project: str | None,
) -> None:
    """Serve a model until Ctrl-C: a package FOLDER, or MODEL@ALIAS (MODEL@3) of the registry.

    This is the server that deployments run, without control plane, canary or restarts.
    """
    from pathlib import Path

    from millwright.kernel.scoring import read_manifest
    from millwright.serving.config import ServerConfig, VariantConfig
    from millwright.serving.fetching import package_at
    from millwright.serving.listening import listen
    from millwright.serving.server import serve as serve_config

    folder, version = package_at(package, project)
    manifest: Manifest = read_manifest(folder)
    config = ServerConfig(
        deployment=manifest.model,
        model_name=manifest.model,
        spool=None if log_folder is None else Path(log_folder),
        cache_rows=cache_rows,
        max_in_flight=max_in_flight,
        variants=(
            VariantConfig(name="champion", package=folder, version_id=folder.name, version=version),
        ),
    )
    with listen(host, port) as bound:
        serve_config(config, bound, server, grpc_port)
