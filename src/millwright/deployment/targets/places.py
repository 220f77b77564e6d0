"""Doing it: a version to a target, and a target back to the version before, with the tools that are here.

Everything runs where the person is, with that person's own credentials for clusters and clouds; the
control plane keeps what was done.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from millwright.deployment.targets.building import find_builder
from millwright.deployment.targets.image import write_context
from millwright.deployment.targets.manifests import Cluster, Served, manifests_of
from millwright.deployment.targets.records import Made, ReleaseView
from millwright.kernel.errors import InvalidInput, Unavailable
from millwright.kernel.target_config import ContainerTarget, LambdaTarget, SageMakerTarget, Target

Tell = Callable[[str], None]
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def served_by(name: str, model: str, version: int, digest: str, settings: Target) -> Served:
    """What a target is to serve: names as clusters and clouds take them, and the image's full name.

    Raises:
        InvalidInput: the deployment's name cannot be made one of theirs.
    """
    label = re.sub(r"[._]", "-", name.lower())
    if not _LABEL.fullmatch(label):
        raise InvalidInput(
            "targets.name",
            f"Clusters and clouds take no deployment called '{name}'.",
            hint="Choose a name of letters, digits and hyphens, at most 63: --name NAME",
            value=name,
        )
    image = settings.image or label
    # A port of the registry is followed by a path, a tag is not.
    tagged = ":" in image.rpartition("/")[2] or "@" in image
    return Served(
        name=label,
        model=model,
        version=version,
        digest=digest,
        image=image if tagged else f"{image}:{version}",
    )


def release(
    served: Served,
    package: Path,
    settings: Target,
    before: ReleaseView | None,
    output: Path | None,
    tell: Tell,
) -> Made:
    """Bring a version to its target; what that made, by kind.

    Args:
        package: the folder of its model package.
        before: what the target serves now, if anything.
        output: write files there, and change nothing anywhere else.

    Raises:
        Unavailable: the tool is not here, or the place refuses.
    """
    if isinstance(settings, ContainerTarget):
        return _image(served, package, settings, output, tell)
    if isinstance(settings, LambdaTarget):
        return _function(served, package, settings, output, tell)
    if isinstance(settings, SageMakerTarget):
        return _endpoint(served, settings, before, output, tell)
    return _apply(served, settings, output, tell)


def go_back(to: ReleaseView, settings: Target, tell: Tell) -> Made:
    """Let a target serve again what release ``to`` brought there.

    Raises:
        Unavailable: the tool is not here, or the place refuses.
    """
    if isinstance(settings, ContainerTarget):
        builder, image = find_builder(), to.made["image"]
        latest = _latest(image)
        builder.name(image, latest)
        if settings.push:
            builder.push(latest, tell)
        return {"latest": latest}
    if isinstance(settings, LambdaTarget):
        from millwright.deployment.targets.aws_functions import move_alias

        with _amazon("lambda", settings.region) as client:
            move_alias(client, to.made["function"], to.made["function_version"])
        return {}
    if isinstance(settings, SageMakerTarget):
        from millwright.deployment.targets.sagemaker import move_endpoint

        with _amazon("sagemaker", settings.region) as client:
            move_endpoint(client, to.made["endpoint"], to.made["config"], tell)
        return {}
    served = served_by(to.name, to.model, to.version, to.made.get("digest", ""), settings)
    return _apply(served, settings, None, tell)


def share_traffic(standing: ReleaseView, settings: Target, weights: dict[str, float]) -> None:
    """Change how the variants at a target share the traffic; nothing restarts.

    Raises:
        InvalidInput: the target has no variants with weights.
        Unavailable: the place refuses.
    """
    from millwright.deployment.targets.sagemaker import set_weights

    if not isinstance(settings, SageMakerTarget):
        raise InvalidInput(
            "targets.no_weights",
            f"A target of the kind {settings.kind} has no variants with weights.",
            hint="Deploy again with another share: --set canary_percent=N, where the kind has it.",
        )
    with _amazon("sagemaker", settings.region) as client:
        set_weights(client, standing.made["endpoint"], weights)


def _image(
    served: Served, package: Path, settings: ContainerTarget, output: Path | None, tell: Tell
) -> Made:
    builder = None if output is not None else find_builder()
    with _folder(output) as context:
        write_context(
            context,
            package,
            settings,
            image=served.image,
            deployment=served.name,
            model=served.model,
            version=served.version,
            digest=served.digest,
            tell=tell,
        )
        if builder is None:
            return {"folder": str(context)}
        builder.make(context, served.image, tell)
    latest = _latest(served.image)
    builder.name(served.image, latest)
    if settings.push:
        builder.push(served.image, tell)
        builder.push(latest, tell)
    return {"image": served.image, "latest": latest, "builder": builder.program}


def _apply(served: Served, settings: Cluster, output: Path | None, tell: Tell) -> Made:
    import yaml

    text = yaml.safe_dump_all(manifests_of(served, settings), sort_keys=False)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        file = output / f"{served.name}.yaml"
        file.write_text(text)
        return {"file": str(file)}
    if shutil.which("kubectl") is None:
        raise Unavailable(
            "targets.no_kubectl",
            "kubectl, which talks to the cluster, is not installed.",
            hint="Install it, or write the manifests with: --output FOLDER",
        )
    where = [] if settings.context is None else ["--context", settings.context]
    tell(f"Applying {served.name} to the namespace {settings.namespace} …")
    ended = subprocess.run(
        ["kubectl", *where, "apply", "--namespace", settings.namespace, "-f", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        raise Unavailable(
            "targets.cluster_refuses", f"kubectl apply failed: {ended.stderr.strip()[-1000:]}"
        )
    return {
        "image": served.image,
        "digest": served.digest,
        "objects": ", ".join(ended.stdout.split("\n")[:6]).strip(", "),
    }


def _function(
    served: Served, package: Path, settings: LambdaTarget, output: Path | None, tell: Tell
) -> Made:
    from millwright.deployment.targets.aws_functions import release_function, write_zip

    with _folder(output) as folder:
        code = None
        if settings.image is None:
            code = folder / f"{served.name}-{served.version}.zip"
            with tempfile.TemporaryDirectory() as work:
                write_zip(package, code, Path(work), tell, trust_code=settings.trust_code)
        if output is not None:
            return {"file": str(code)} if code else {"image": served.image}
        with (
            _amazon("lambda", settings.region) as client,
            _amazon("s3", settings.region) as storage,
        ):
            return release_function(client, storage, served, settings, code, tell)


def _endpoint(
    served: Served,
    settings: SageMakerTarget,
    before: ReleaseView | None,
    output: Path | None,
    tell: Tell,
) -> Made:
    from millwright.deployment.targets.sagemaker import release_endpoint

    if output is not None:
        raise InvalidInput(
            "targets.nothing_to_write",
            "SageMaker takes no files: the target is an image, and calls.",
            hint="Leave --output out, or write the image's folder with: --target container",
        )
    with _amazon("sagemaker", settings.region) as client:
        made = {} if before is None else before.made
        return release_endpoint(client, served, settings, made, tell)


@contextlib.contextmanager
def _amazon(service: str, region: str) -> Iterator[Any]:
    """A client of boto3, with the credentials that boto3 finds; its refusals as ours."""
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as cause:
        raise Unavailable(
            "targets.no_boto3",
            "Targets of Amazon need boto3.",
            hint="Install it with: pip install 'millwright[aws]'",
        ) from cause
    try:
        yield boto3.client(service, region_name=region)
    except (BotoCoreError, ClientError) as error:
        raise Unavailable(
            "targets.amazon_refuses",
            f"Amazon refuses: {error}",
            hint="Check the credentials, the role and the region.",
        ) from error


@contextlib.contextmanager
def _folder(output: Path | None) -> Iterator[Path]:
    if output is None:
        with tempfile.TemporaryDirectory(prefix="millwright-") as temporary:
            yield Path(temporary)
        return
    if output.exists() and any(output.iterdir()):
        raise InvalidInput(
            "targets.not_empty",
            f"The folder {output} is not empty.",
            hint="Name a new one.",
            value=str(output),
        )
    output.mkdir(parents=True, exist_ok=True)
    yield output


def _latest(image: str) -> str:
    head, slash, last = image.rpartition("/")
    return f"{head}{slash}{last.partition('@')[0].partition(':')[0]}:latest"
