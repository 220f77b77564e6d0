"""Vetting at registration, and at every load afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, insert, select

from millwright.kernel import clock
from millwright.kernel.config import RegistryConfig
from millwright.kernel.errors import Corrupt, Forbidden, InvalidInput
from millwright.kernel.sealing import key_of
from millwright.kernel.store import Store, Transaction
from millwright.registry.records import EXTERNAL, Attestation, ModelVersion
from millwright.registry.tables import model_vettings
from millwright.registry.vetting.contents import Finding, examined
from millwright.registry.vetting.signing import (
    is_signed,
    project_key,
    public_key,
    signed,
    statement,
)

_FINDINGS = TypeAdapter(tuple[Finding, ...])


def examine(
    store: Store, project: str, digests: Mapping[str, str], policy: RegistryConfig
) -> tuple[Finding, ...]:
    """What the files of a package can do to whoever loads them.

    Raises:
        InvalidInput: it holds pickles or code, and the project refuses those.
    """
    objects = store.objects.of(project)
    found = examined({name: partial(objects.open, digest) for name, digest in digests.items()})
    if found and policy.code == "refuse":
        first = found[0]
        raise InvalidInput(
            "registry.unsafe",
            f"The package holds what runs when it is loaded: {first.file} is {first.kind}. "
            f"{first.detail}",
            hint="Package the model as an ONNX graph or in its library's own data format, or set "
            "registry.code: flag in millwright.yaml.",
            value=first.file,
        )
    return found


def attest(tx: Transaction, store: Store, row: Mapping[str, Any], found: Sequence[Finding]) -> None:
    """Keep what was found, and sign the version, in the transaction that registers it."""
    key = project_key(key_of(store.workspace), row["project"])
    content = statement(row["project"], row["model"], row["version"], row["manifest"])
    keep_findings(tx, row["id"], found, public_key=public_key(key), signature=signed(key, content))


def keep_findings(tx: Transaction, version: str, found: Sequence[Finding], **attested: str) -> None:
    """Keep what was found in a version, and the signature of one that has a package."""
    values = {"public_key": "", "signature": "", **attested}
    kept = json.dumps([finding.model_dump() for finding in found])
    row = {"version": version, "findings": kept, "signed_ms": clock.now_ms(), **values}
    tx.execute(insert(model_vettings).values(row))


def vettings(
    connection: Connection, ids: Sequence[str]
) -> dict[str, tuple[tuple[Finding, ...], Attestation | None]]:
    """What was found in versions and who signed them, by id; those made before are absent."""
    query = select(model_vettings).where(model_vettings.c.version.in_(ids))
    return {
        row.version: (
            _FINDINGS.validate_json(row.findings),
            Attestation(
                public_key=row.public_key,
                signature=row.signature,
                signed_at=clock.rfc3339(row.signed_ms),
            )
            if row.signature
            else None,
        )
        for row in connection.execute(query)
    }


def require_intact(
    store: Store, version: ModelVersion, policy: Callable[[], RegistryConfig]
) -> None:
    """Refuse a version that is not what was signed.

    One that another installation signed, or that is older than signatures, is refused only where
    the project asks for signatures.

    Raises:
        Corrupt: the signature is not of this version with this manifest.
        Forbidden: it is not signed with the project's key, and the project asks for that.
    """
    if version.status == EXTERNAL:
        return
    made = version.attestation
    own = public_key(project_key(key_of(store.workspace), version.project))
    if made is not None and made.public_key == own:
        said = statement(version.project, version.model, version.version, version.manifest)
        if is_signed(own, said, made.signature):
            return
        raise Corrupt(
            "registry.signature",
            f"{version.model} version {version.version} is not what was signed when it was "
            "registered: its record was changed.",
            hint="Look at the audit trail (mw audit verify), and register the model again.",
            value=version.version,
        )
    if policy().require_signature:
        raise Forbidden(
            "registry.unsigned",
            f"{version.model} version {version.version} is not signed with this project's key.",
            hint="Register the package again here, or set registry.require_signature: false.",
            value=version.version,
        )
