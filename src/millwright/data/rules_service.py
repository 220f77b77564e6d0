"""The rules of a dataset: proposed by anyone who may write, confirmed by those who operate."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from millwright.data.records import Confirmation, DatasetRules
from millwright.data.rules import Rule, RuleSet
from millwright.data.tables import dataset_rules
from millwright.kernel import clock
from millwright.kernel.access import Actor
from millwright.kernel.errors import Conflict, InvalidInput, NotFound, nearest
from millwright.kernel.store import Store, Transaction


def get_rules(store: Store, project: str, name: str) -> DatasetRules:
    """The rules of a dataset; empty where none were ever proposed."""
    with store.read() as connection:
        return _stored(connection, project, name)


def put_rules(store: Store, actor: Actor, project: str, name: str, rules: RuleSet) -> DatasetRules:
    """Replace the proposed rules of a dataset.

    Confirmed rules are a person's word: they stay as they are, and what comes in is proposed,
    whatever it says of itself.

    Raises:
        Conflict: a confirmed rule would be changed.
        InvalidInput: two rules have the same id.
    """
    ids = [rule.id for rule in rules.rules]
    if len(set(ids)) < len(ids):
        raise InvalidInput(
            "data.duplicate_rule", "Two rules have the same id.", hint="Give each its own."
        )
    with store.write(actor, project) as tx:
        known = {r.id: r for r in _stored(tx.connection, project, name).rules.rules}
        confirmed = {key: rule for key, rule in known.items() if rule.status == "confirmed"}
        new: list[Rule] = []
        for rule in rules.rules:
            proposed = rule.model_copy(update={"status": "proposed"})
            kept = confirmed.pop(rule.id, None)
            if kept is not None and kept.model_copy(update={"status": "proposed"}) != proposed:
                raise Conflict(
                    "data.rule_confirmed",
                    f"Rule '{rule.id}' is confirmed and cannot be changed.",
                    hint=f"Withdraw it first: mw data confirm {name} --rule {rule.id} --withdraw",
                    value=rule.id,
                )
            new.append(kept or proposed)
        _write(tx, name, RuleSet(rules=(*confirmed.values(), *new)))
        tx.event("dataset.rules-proposed", f"dataset-rules:{name}", {"rules": ids})
        return _stored(tx.connection, project, name)


def confirm_rules(
    store: Store, actor: Actor, project: str, name: str, word: Confirmation
) -> DatasetRules:
    """Confirm rules, or withdraw the confirmation.

    Raises:
        NotFound: a named rule does not exist.
        InvalidInput: no rule was named.
    """
    if not word.rules and not word.all:
        raise InvalidInput(
            "data.no_rule", "No rule was named.", hint="Name rules, or confirm all of them."
        )
    status = "confirmed" if word.confirmed else "proposed"
    with store.write(actor, project) as tx:
        rules = _stored(tx.connection, project, name).rules.rules
        known = [rule.id for rule in rules]
        for wanted in word.rules:
            if wanted not in known:
                guess = nearest(wanted, known)
                raise NotFound(
                    "data.unknown_rule",
                    f"Dataset '{name}' has no rule '{wanted}'.",
                    hint=f"Did you mean '{guess}'?" if guess else f"See: mw data rules {name}",
                    value=wanted,
                )
        changed = [
            rule.id
            for rule in rules
            if (word.all or rule.id in word.rules) and rule.status != status
        ]
        if changed:
            new = tuple(
                r.model_copy(update={"status": status}) if r.id in changed else r for r in rules
            )
            _write(tx, name, RuleSet(rules=new))
            kind = "dataset.rules-confirmed" if word.confirmed else "dataset.rules-withdrawn"
            tx.event(kind, f"dataset-rules:{name}", {"rules": changed})
        return _stored(tx.connection, project, name)


def keep_proposed(tx: Transaction, name: str, rules: RuleSet) -> None:
    """Keep the rules inferred from a first version, unless the dataset has rules already."""
    assert tx.project is not None
    if _stored(tx.connection, tx.project, name).updated_at is not None:
        return
    _write(tx, name, rules)
    ids = [rule.id for rule in rules.rules]
    tx.event("dataset.rules-proposed", f"dataset-rules:{name}", {"rules": ids})


def _write(tx: Transaction, name: str, rules: RuleSet) -> None:
    key = (dataset_rules.c.project == tx.project, dataset_rules.c.name == name)
    tx.execute(delete(dataset_rules).where(*key))
    row: dict[str, Any] = {
        "project": tx.project,
        "name": name,
        "rules": rules.model_dump_json(),
        "updated_ms": clock.now_ms(),
        "updated_by": tx.actor.name,
    }
    tx.execute(insert(dataset_rules).values(row))


def _stored(connection: Connection, project: str, name: str) -> DatasetRules:
    row = connection.execute(
        select(dataset_rules).where(
            dataset_rules.c.project == project, dataset_rules.c.name == name
        )
    ).first()
    if row is None:
        return DatasetRules(name=name, rules=RuleSet())
    return DatasetRules(
        name=name,
        rules=RuleSet.model_validate_json(row.rules),
        updated_at=clock.rfc3339(row.updated_ms),
        updated_by=row.updated_by,
    )
