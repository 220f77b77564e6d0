"""Personal data: numbers with right checksums are found, look-alikes are not, all is masked."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millwright.data import Check, Suite, run_checks
from millwright.data.quality.personal_data import (
    PREFILTER,
    kind_of_name,
    kind_of_value,
    luhn,
    masked,
    recognised,
)
from millwright.data.quality.profiling import profile_table

FOUND = [
    ("anna.b+c@mail.example.org", "email"),
    ("4539 1488 0343 6467", "card"),
    ("378282246310005", "card"),
    ("DE89 3704 0044 0532 0130 00", "iban"),
    ("GB82WEST12345698765432", "iban"),
    ("192.168.17.4", "ip"),
    ("2001:db8::8a2e:370:7334", "ip"),
    ("+49 30 901820", "phone"),
    ("(555) 123-4567", "phone"),
    ("123-45-6789", "us_social_security"),
    ("86095742719", "german_tax_number"),
    ("12345678Z", "spanish_identity"),
    ("RSSMRA85T10A562S", "italian_fiscal_code"),
    ("529.982.247-25", "brazilian_cpf"),
    ("AB123456C", "british_insurance"),
    ("111222333", "dutch_bsn"),
    ("255081416802538", "french_social_security"),
]


@pytest.mark.parametrize(("value", "kind"), FOUND)
def test_a_right_value_is_recognised_and_passes_the_prefilter(value: str, kind: str) -> None:
    assert kind_of_value(value) == kind
    assert re.search(PREFILTER, value)


@pytest.mark.parametrize(
    "value",
    ["4539148803436468", "DE88370400440532013000", "999.1.1.1", "12:30", "UA1545", "2013-01-01",
     "3.14159", "12345678A", "000-12-3456", "JFK", "2013-01-01 05:00:00", "1234567", "a@b"],
)  # fmt: skip
def test_a_look_alike_is_not(value: str) -> None:
    assert kind_of_value(value) is None


@given(st.text(alphabet="0123456789", min_size=2, max_size=19))
def test_one_wrong_digit_never_passes_luhn(digits: str) -> None:
    changed = str((int(digits[-1]) + 1) % 10)
    assert not (luhn(digits) and luhn(digits[:-1] + changed))


@given(st.text(max_size=80))
def test_a_masked_value_keeps_no_letter_and_no_digit_but_the_first(value: str) -> None:
    assert not re.search(r"[^\W\d_x]|[1-9]", masked(value)[1:].replace("x", ""))


def test_names_of_columns_in_several_languages() -> None:
    names = {"E-Mail": "email", "geburtsdatum": "birth", "Código Postal": "postcode",
             "apellidos": "person", "user_ip_address": "ip", "carrier": None, "origin": None,
             "capacity": None, "via_airport": None, "tailnum": None}  # fmt: skip
    assert {name: kind_of_name(name) for name in names} == names


def test_rare_values_do_not_make_a_column_personal() -> None:
    assert recognised("note", {"anna@example.org": 1}, 1000, 0.01) == []
    (found,) = recognised("note", {"anna@example.org": 20}, 1000, 0.01)
    assert (found.kind, found.share, found.example) == ("email", 0.02, "axxx@xxxxxxx.xxx")


def test_cards_that_became_whole_numbers_are_found_and_other_long_numbers_are_not() -> None:
    rows = 3000
    cards = [4111111111111111, 5500005555555559, 378282246310005]
    table = pa.table(
        {
            "paid_with": [cards[row % 3] for row in range(rows)],
            "order": np.random.default_rng(0).integers(4 * 10**15, 5 * 10**15, rows),
            "at_ms": np.arange(rows) + 1_700_000_000_000,
        }
    )
    suite = Suite(checks=(Check(kind="no_personal_data"),))
    (result,) = run_checks(table, suite).report.results
    assert (result.passed, result.observed) == (False, ("paid_with:card",))
    assert [(c.column, c.kind) for c in profile_table(table).personal] == [("paid_with", "card")]
