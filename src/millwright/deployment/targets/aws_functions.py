"""A function of AWS Lambda: its code as an image or a zip, published versions, and the alias ``live``.

A release publishes a version and moves the alias to it; going back moves the alias only. Source: the API
reference at docs.aws.amazon.com/lambda/latest/api.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from millwright.deployment.targets.closure import copy_distributions, distributions_for
from millwright.deployment.targets.manifests import Served
from millwright.kernel.errors import InvalidInput, TooLarge
from millwright.kernel.target_config import LambdaTarget
from millwright.serving import TRUST

Tell = Callable[[str], None]
ALIAS = "live"
HANDLER = "millwright.serving.aws_lambda.handler"
_MOST_BYTES = 250 << 20
# A fixed moment, so that the same content is the same zip.
_MOMENT = (2020, 1, 1, 0, 0, 0)


def write_zip(
    package: Path, target: Path, work: Path, tell: Tell, *, trust_code: bool = False
) -> None:
    """The code of a function as a zip: the model, the handler and the libraries that those load.

    ``trust_code`` lets the package run code that it holds, here and now.

    Raises:
        Unavailable: the model cannot be loaded here.
        TooLarge: unpacked it is larger than Lambda takes; an image may have 10 GB.
    """
    tell("Collecting the model and what it loads …")
    names = distributions_for(package, behind_http=True, trust_code=trust_code)
    copy_distributions(names, work)
    shutil.copytree(package, work / "model")
    files = sorted(file for file in work.rglob("*") if file.is_file())
    total = sum(file.stat().st_size for file in files)
    if total > _MOST_BYTES:
        raise TooLarge(
            "targets.zip_too_large",
            f"The function has {total >> 20} MB unpacked, and Lambda takes 250 of a zip.",
            hint="Name an image for it instead: image: ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME",
        )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(work).as_posix(), _MOMENT)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def release_function(
    client: Any, storage: Any, served: Served, settings: LambdaTarget, code: Path | None, tell: Tell
) -> dict[str, str]:
    """Publish a version of the function and move its alias to it; what was made, by name.

    Args:
        client: of boto3, for ``lambda``.
        storage: of boto3, for ``s3``; the zip goes through it.
        code: the zip; None where the settings name an image.

    Raises:
        InvalidInput: a zip has no bucket to go through.
    """
    from botocore.exceptions import ClientError

    where = _code(storage, served, settings, code, tell)
    try:
        client.get_function(FunctionName=served.name)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
            raise
        tell(f"Creating the function {served.name} …")
        client.create_function(
            FunctionName=served.name,
            Role=settings.role_arn,
            Code=where,
            MemorySize=settings.memory_mb,
            Timeout=settings.timeout_seconds,
            Environment=_environment(served, settings),
            **_form(settings),
        )
    else:
        tell(f"Changing the function {served.name} …")
        client.update_function_code(FunctionName=served.name, **where)
        _wait(client, served.name)
        client.update_function_configuration(
            FunctionName=served.name,
            MemorySize=settings.memory_mb,
            Timeout=settings.timeout_seconds,
            Environment=_environment(served, settings),
        )
    _wait(client, served.name)
    number = str(client.publish_version(FunctionName=served.name)["Version"])
    move_alias(client, served.name, number)
    return {"function": served.name, "function_version": number, "alias": ALIAS}


def move_alias(client: Any, function: str, number: str) -> None:
    """Let a published version answer from now on."""
    from botocore.exceptions import ClientError

    try:
        client.update_alias(FunctionName=function, Name=ALIAS, FunctionVersion=number)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ResourceNotFoundException":
            raise
        client.create_alias(FunctionName=function, Name=ALIAS, FunctionVersion=number)


def _code(
    storage: Any, served: Served, settings: LambdaTarget, code: Path | None, tell: Tell
) -> dict[str, str]:
    if code is None:
        return {"ImageUri": served.image}
    if settings.bucket is None:
        raise InvalidInput(
            "targets.no_bucket",
            "A zip of this size reaches Lambda through a bucket of S3, and none is named.",
            hint="Add it: --set bucket=NAME, or bucket: in millwright.yaml.",
        )
    key = f"millwright/{served.name}/{served.version}-{served.digest[:12]}.zip"
    tell(f"Sending {code.stat().st_size >> 20} MB to {settings.bucket} …")
    storage.upload_file(str(code), settings.bucket, key)
    return {"S3Bucket": settings.bucket, "S3Key": key}


def _form(settings: LambdaTarget) -> dict[str, Any]:
    if settings.image is not None:
        return {"PackageType": "Image"}
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return {"PackageType": "Zip", "Runtime": version, "Handler": HANDLER}


def _environment(served: Served, settings: LambdaTarget) -> dict[str, dict[str, str]]:
    return {
        "Variables": {
            TRUST: str(int(settings.trust_code)),
            "MILLWRIGHT_MODEL_VERSION": str(served.version),
            "MILLWRIGHT_DEPLOYMENT": served.name,
        }
    }


def _wait(client: Any, name: str) -> None:
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
