"""Say in one line what a test run could not do on this machine, and how to enable it.

    python ci/not_run.py build/tests.xml

reads pytest's JUnit report. Every skip in the suite gives its reason as "what is missing: how to
get it", so the reasons are the line.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path


def reasons(report: Path) -> Counter[str]:
    """How many tests were skipped for each reason."""
    found: Counter[str] = Counter()
    for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314 - our own file
        skipped = case.find("skipped")
        if skipped is not None and skipped.get("type") != "pytest.xfail":
            reason = " ".join((skipped.get("message") or "no reason given").split())
            found[reason.removeprefix("Skipped: ").rstrip(".")] += 1
    return found


def sentence(report: Path) -> str:
    """The one line."""
    if not report.exists():
        return "Not run: pytest wrote no report, so nothing is known about what was skipped."
    skipped = reasons(report)
    if not skipped:
        return "Not run: nothing; this machine could run every test."
    parts = (
        f"{count} test{'s' if count > 1 else ''} ({reason})"
        for reason, count in skipped.most_common()
    )
    return f"Not run: {'; '.join(parts)}."


if __name__ == "__main__":
    print(sentence(Path(sys.argv[1])))
