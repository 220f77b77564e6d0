"""Records whose checks are worked out when they are first needed.

A run whose steps are all known makes thousands of records in one process and checks none of them;
it does not wait for the checks of forty classes to be compiled.
"""

from __future__ import annotations

from pydantic import ConfigDict

from millwright.kernel.record import Record as KernelRecord


class Record(KernelRecord):
    """A frozen record, as the kernel's."""

    model_config = ConfigDict(defer_build=True)


def work_out_checks() -> None:
    """Work them all out now, for who describes the records to others before the first is made."""
    waiting = Record.__subclasses__()
    while waiting:
        record = waiting.pop()
        # What others build around a record would be put off as long as the record says so.
        record.model_config["defer_build"] = False
        record.model_rebuild(force=True)
        waiting += record.__subclasses__()
