"""What the translations of other tools' files share."""

from __future__ import annotations

from typing import Any

from millwright.data.quality.exchange import ImportedSuite, Untranslated
from millwright.data.quality.records import Check, Suite
from millwright.data.quality.suite_yaml import checked
from millwright.kernel.errors import MillwrightError


class Translation:
    """Checks collected from a file, and what it said that we do not have."""

    def __init__(self, form: str) -> None:
        self._form = form
        self._checks: list[Check] = []
        self._ids: dict[str, int] = {}
        self._untranslated: list[Untranslated] = []

    def check(self, where: str, kind: str, **given: Any) -> None:
        """Take a check; one that cannot be used is reported instead."""
        try:
            found = checked({"kind": kind, **given})
            number = self._ids[found.id] = self._ids.get(found.id, 0) + 1
            new = f"{found.id}:{number}" if number > 1 else found.id
            self._checks.append(found.model_copy(update={"id": new}))
        except MillwrightError as error:
            self.lacks(where, str(error))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            self.lacks(where, f"It cannot be read: {error!r}.")

    def lacks(self, where: str, why: str) -> None:
        """Report what is not translated."""
        self._untranslated.append(Untranslated(where=where[:300], why=why[:500]))

    def done(self) -> ImportedSuite:
        """The whole."""
        return ImportedSuite(
            format=self._form,
            suite=Suite(checks=tuple(self._checks)),
            untranslated=tuple(self._untranslated),
        )
