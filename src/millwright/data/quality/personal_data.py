"""Personal data: recognised by the names of columns and by the values in them.

Numbers that carry a checksum (cards, bank accounts, national numbers) count only where it is
right, so that ids and measurements are not taken for them. What is shown of a value is masked.
Names are known in English, German, French, Spanish, Italian, Portuguese and Dutch.

Sources: ISO/IEC 7812-1 (Luhn), ISO 13616 (IBAN), ISO 7064 (mod 97 and mod 11), and the published
rules of the national numbers named below.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from millwright.kernel.record import Record


class PersonalColumn(Record):
    """A column that seems to hold personal data."""

    column: str
    kind: str
    """``email``, ``phone``, ``card``, ``iban``, ``ip``, ``person``, … (see ``KINDS``)."""
    by: str
    """``name`` or ``values``."""
    values: int = 0
    """Distinct values that were recognised."""
    share: float = 0.0
    """Recognised values as a share of those looked at."""
    example: str = ""
    """A recognised value, masked."""


def luhn(digits: str) -> bool:
    """Whether the last digit is right by Luhn's formula.

    >>> luhn("4539148803436467"), luhn("4539148803436468")
    (True, False)
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban(text: str) -> bool:
    """Whether a text is an account number of ISO 13616 (mod 97 is 1).

    >>> iban("DE89 3704 0044 0532 0130 00"), iban("DE88370400440532013000")
    (True, False)
    """
    plain = text.replace(" ", "").upper()
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", plain):
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(sign, 36)) for sign in turned)) % 97 == 1


def _card(text: str) -> bool:
    digits = re.sub(r"[ -]", "", text)
    known = re.fullmatch(r"(4\d{12}(\d{3})?|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|6\d{15})", digits)
    return bool(known) and luhn(digits)


def _weighted(digits: str, weights: Iterable[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _ssn(text: str) -> bool:
    """United States: no checksum, but areas, groups and serials that are never given."""
    match = re.fullmatch(r"(\d{3})-(\d{2})-(\d{4})", text)
    if not match:
        return False
    area, group, serial = match.groups()
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def _german_tax(text: str) -> bool:
    """Germany's tax number: eleven digits, ISO 7064 mod 11, 10."""
    digits = re.sub(r"[ /]", "", text)
    if not re.fullmatch(r"[1-9]\d{10}", digits):
        return False
    product = 10
    for digit in digits[:10]:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    repeated = max(digits[:10].count(digit) for digit in "0123456789")
    return (11 - product) % 10 == int(digits[10]) and repeated in (2, 3)


def _french_insee(text: str) -> bool:
    """France's social security number: 13 digits and 97 minus their remainder by 97."""
    digits = text.replace(" ", "").upper()
    if not re.fullmatch(r"[12]\d{4}(\d{2}|2A|2B)\d{8}", digits):
        return False
    number = int(digits[:13].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(digits[13:])


def _spanish_dni(text: str) -> bool:
    """Spain's DNI and NIE: a letter for the remainder by 23."""
    plain = text.replace("-", "").upper()
    if not re.fullmatch(r"[XYZ\d]\d{7}[A-Z]", plain):
        return False
    number = int(plain[:-1].translate(str.maketrans("XYZ", "012")))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == plain[-1]


def _italian_fiscal(text: str) -> bool:
    """Italy's codice fiscale: odd places through their own table, remainder by 26."""
    plain = text.upper()
    if not re.fullmatch(r"[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]", plain):
        return False
    odd = [
        1,
        0,
        5,
        7,
        9,
        13,
        15,
        17,
        19,
        21,
        2,
        4,
        18,
        20,
        11,
        3,
        6,
        8,
        12,
        14,
        16,
        10,
        22,
        25,
        24,
        23,
    ]
    total = 0
    for place, sign in enumerate(plain[:15]):
        value = int(sign) if sign.isdigit() else ord(sign) - 65
        total += value if place % 2 else odd[value]
    return chr(65 + total % 26) == plain[15]


def _dutch_bsn(text: str) -> bool:
    """The Netherlands' BSN: the eleven test."""
    if not re.fullmatch(r"\d{9}", text) or text == "000000000":
        return False
    return _weighted(text, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _brazilian_cpf(text: str) -> bool:
    """Brazil's CPF: two digits by weights, remainder by 11."""
    digits = re.sub(r"[.-]", "", text)
    if not re.fullmatch(r"\d{11}", digits) or len(set(digits)) == 1:
        return False
    for length in (9, 10):
        rest = _weighted(digits, range(length + 1, 1, -1)) * 10 % 11 % 10
        if rest != int(digits[length]):
            return False
    return True


def _british_nino(text: str) -> bool:
    """The United Kingdom's national insurance number: prefixes that are given out."""
    plain = text.replace(" ", "").upper()
    pattern = r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]"
    return re.fullmatch(pattern, plain) is not None


def _ip(text: str) -> bool:
    if text.count(".") != 3 and text.count(":") < 2:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _phone(text: str) -> bool:
    digits = re.sub(r"[\s().\-/]", "", text)
    return bool(
        re.fullmatch(r"(\+|00)[1-9]\d{7,13}", digits)
        or (
            re.fullmatch(r"0[1-9]\d{7,10}", digits)
            and re.fullmatch(r"\(?0\d{1,5}\)?([\s./\-]\d{2,8}){1,4}", text)
        )
        or re.fullmatch(r"\(\d{3}\)\s?\d{3}-\d{4}|[2-9]\d{2}-\d{3}-\d{4}", text)
    )


_EMAIL: Final = re.compile(r"[^@\s\"<>,;:]{1,64}@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,24}")

RECOGNISERS: Final[dict[str, Callable[[str], bool]]] = {
    "email": lambda text: _EMAIL.fullmatch(text) is not None,
    "iban": iban,
    "card": _card,
    "us_social_security": _ssn,
    "german_tax_number": _german_tax,
    "french_social_security": _french_insee,
    "spanish_identity": _spanish_dni,
    "italian_fiscal_code": _italian_fiscal,
    "british_insurance": _british_nino,
    "brazilian_cpf": _brazilian_cpf,
    "dutch_bsn": _dutch_bsn,
    "ip": _ip,
    "phone": _phone,
}

PREFILTER: Final = (
    r"@|^[\s+(]*\d[\d\s.:/()-]{5,}\d\s*$|^\s*[12][\d ]{4,}2[ABab][\d ]{8,}\s*$"
    r"|^\s*[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:|^\s*[A-Za-z]{2}\d{2}[ A-Za-z0-9]{11,}\s*$"
    r"|^\s*[XYZxyz]?\d{7,8}-?[A-Za-z]\s*$|^\s*[A-Za-z]{6}\d{2}[A-Za-z]\d{2}[A-Za-z]\d{3}"
    r"|^\s*[A-Za-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]\s*$"
)
"""RE2: what no recogniser would accept does not match it."""

NUMBERS_LOOKED_AT: Final = 1_000
"""Whole numbers of a column, drawn evenly, that are looked at."""
_LEAST_OF_NUMBERS: Final = 0.5

_NAMES: Final[dict[str, str]] = {
    "email": "email|e_mail|mail|courriel|correo|posta_elettronica|emailadres|mailadresse",
    "phone": "phone|telephone|mobile|cell|fax|telefon|handy|mobil|telefono|celular|movil|cellulare"
    "|telefone|telefoon|tel|portable",
    "person": "first_name|last_name|full_name|given_name|family_name|surname|forename|maiden_name"
    "|vorname|nachname|familienname|prenom|nom_de_famille|nombre|apellido|apellidos|cognome"
    "|sobrenome|voornaam|achternaam|person_name|customer_name|patient_name|employee_name",
    "birth": "birth|birthday|birth_date|date_of_birth|dob|geburtstag|geburtsdatum|naissance"
    "|date_naissance|fecha_nacimiento|nacimiento|data_di_nascita|nascita|data_nascimento"
    "|geboortedatum",
    "address": "address|street|street_address|postal_address|home_address|strasse|anschrift"
    "|adresse|hausnummer|rue|calle|direccion|domicilio|indirizzo|via|endereco|rua|straat|adres",
    "postcode": "zip|zip_code|zipcode|postcode|postal_code|plz|postleitzahl|code_postal"
    "|codigo_postal|cap|cep",
    "national_number": "ssn|social_security|social_security_number|national_id|passport"
    "|passport_number|tax_id|driver_license|personalausweis|reisepass|steuernummer|steuer_id"
    "|sozialversicherungsnummer|numero_securite_sociale|dni|nie|nif|codice_fiscale|cpf|bsn|nino",
    "card": "credit_card|card_number|creditcard|cc_number|kreditkarte|carte_bancaire|tarjeta"
    "|numero_tarjeta|carta_di_credito|cartao",
    "iban": "iban|bank_account|account_number|kontonummer|compte_bancaire|cuenta_bancaria|bic"
    "|conto_corrente|rekeningnummer",
    "ip": "ip|ip_address|ipaddress|client_ip|remote_addr|adresse_ip|direccion_ip",
    "gender": "gender|sex|geschlecht|sexe|genre|sexo|sesso|genero|geslacht",
    "health": "diagnosis|disease|blood_type|diagnose|krankheit|maladie|enfermedad|malattia",
    "belief": "religion|ethnicity|race|konfession|ethnie|etnia|raza|religione|religiao",
    "location": "latitude|longitude|gps|geolocation",
}
_BY_NAME: Final = {word: kind for kind, words in _NAMES.items() for word in words.split("|")}
KINDS: Final = tuple(dict.fromkeys((*RECOGNISERS, *_NAMES)))


def kind_of_name(column: str) -> str | None:
    """The kind of personal data that a column's name promises.

    >>> kind_of_name("customerEmail"), kind_of_name("Prénom"), kind_of_name("carrier")
    ('email', 'person', None)
    """
    plain = unicodedata.normalize("NFKD", column.replace("ß", "ss"))
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", plain) if word]
    for length in range(len(words), 0, -1):
        for start in range(len(words) - length + 1):
            found = _BY_NAME.get("_".join(words[start : start + length]))
            # A short word inside a longer name ("via", "cap", "sex ratio") promises little.
            if found and (length == len(words) or len("".join(words[start : start + length])) > 3):
                return found
    return None


def kind_of_value(text: str) -> str | None:
    """The first kind that a value is recognised as."""
    if len(text) > 320:
        return None
    plain = text.strip()
    return next((kind for kind, holds in RECOGNISERS.items() if holds(plain)), None)


def masked(text: str) -> str:
    """A value with everything hidden but its shape: first sign kept, letters x, digits 0.

    >>> masked("anna@example.org"), masked("DE89 3704")
    ('axxx@xxxxxxx.xxx', 'Dx00 0000')
    """
    hidden = re.sub(r"\d", "0", re.sub(r"[^\W\d_]", "x", text[1:60]))
    return ("0" if text[:1].isdigit() else text[:1]) + hidden


def recognised(
    column: str, values: Mapping[str, int], looked_at: int, least: float = 0.0
) -> list[PersonalColumn]:
    """The kinds of personal data in a column.

    Args:
        column: its name.
        values: values that passed ``PREFILTER``, and how often each occurs.
        looked_at: values in the column altogether.
        least: the least share of them that makes a kind.
    """
    found: list[PersonalColumn] = []
    by_kind: dict[str, list[tuple[str, int]]] = {}
    for value, count in values.items():
        kind = kind_of_value(value)
        if kind is not None:
            by_kind.setdefault(kind, []).append((value, count))
    for kind, members in by_kind.items():
        share = sum(count for _, count in members) / max(looked_at, 1)
        if share >= least:
            example = masked(min(value for value, _ in members))
            found.append(
                PersonalColumn(
                    column=column,
                    kind=kind,
                    by="values",
                    values=len(members),
                    share=round(share, 6),
                    example=example,
                )
            )
    promised = kind_of_name(column)
    if promised and all(item.kind != promised for item in found):
        found.append(PersonalColumn(column=column, kind=promised, by="name"))
    return sorted(found, key=lambda item: (-item.share, item.kind))


def recognised_numbers(
    column: str, numbers: Mapping[str, int], least: float = 0.0
) -> list[PersonalColumn]:
    """The kinds of personal data in a column of whole numbers, as ``recognised``.

    One in some thirty numbers of sixteen digits looks like a card by chance, so at least half have to.

    >>> recognised_numbers("a", {"4111111111111111": 3, "7": 1})[0].kind
    'card'
    >>> recognised_numbers("a", {"4111111111111111": 1, "4111111111111112": 2})
    []
    """
    return recognised(column, numbers, sum(numbers.values()), max(least, _LEAST_OF_NUMBERS))
