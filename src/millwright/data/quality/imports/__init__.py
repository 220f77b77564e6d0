"""Checks of other tools in our words: Great Expectations, pandera, Open Data Contracts."""

from __future__ import annotations

from millwright.data.quality.exchange import ImportedSuite
from millwright.data.quality.imports import data_contract, great_expectations, pandera
from millwright.data.quality.suite_yaml import load_yaml
from millwright.kernel.errors import InvalidInput


def translated(content: str, filename: str = "") -> ImportedSuite:
    """The checks in a file, whatever tool it is of, and what could not be translated.

    Raises:
        InvalidInput: the file is of no tool that we know.
    """
    loaded = load_yaml(content)
    for tool in (great_expectations, pandera, data_contract):
        if isinstance(loaded, dict) and tool.recognises(loaded):
            found: ImportedSuite = tool.translate(loaded)
            return found
    raise InvalidInput(
        "data.unknown_suite_file",
        f"'{filename or 'The file'}' is no suite of Great Expectations, no pandera schema and no "
        "Open Data Contract.",
        hint="Our own files are applied with: mw data apply NAME FILE",
        value=filename,
    )
