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
