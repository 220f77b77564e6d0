"""Names of types, as Arrow, pandas, Spark and SQL have them."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa

_NAMES: Final[dict[str, str]] = {
    "bool": "bool|boolean|booleantype|bool_",
    "int64": "int|int8|int16|int32|int64|integer|bigint|smallint|tinyint|uint8|uint16|uint32|uint64"
    "|integertype|longtype|shorttype|long|int_|hugeint|int2|int4|int8",
    "double": "float|float16|float32|float64|double|real|doubletype|floattype|decimal|numeric"
    "|decimaltype|number|double precision|float_|float4|float8|halffloat",
    "string": "str|string|object|text|varchar|char|stringtype|string_|utf8|nvarchar|character varying"
    "|large_string|str_|category|categorical",
    "timestamp": "datetime|datetime64|datetime64[ns]|datetime64[us]|datetime64[ns, utc]|timestamp"
    "|datetime64[us, utc]|timestamptz|timestamptype|date|datetype|timestamp without time zone"
    "|timestamp with time zone|timestamp[us, tz=utc]|timestamp_ntz",
}
_FAMILY: Final = {name: kind for kind, names in _NAMES.items() for name in names.split("|")}


def is_type(held: pa.DataType, name: str) -> bool:
    """Whether a canonical type is what a name of any of those systems means.

    Widths do not matter, since a canonical table has one kind of integer and one of float; and
    whole numbers with a gap come back from some tools as floats, so ``int64`` admits both where a
    check says so with both names.

    >>> import pyarrow as pa
    >>> is_type(pa.int64(), "BIGINT"), is_type(pa.string(), "object"), is_type(pa.int64(), "text")
    (True, True, False)
    """
    plain = re.sub(r"\(.*\)$", "", name.strip().lower())
    if plain == str(held).lower():
        return True
    family = str(held)
    if pa.types.is_timestamp(held):
        family = "timestamp"
    elif pa.types.is_large_string(held) or pa.types.is_string_view(held):
        family = "string"
    elif pa.types.is_integer(held):
        family = "int64"
    elif pa.types.is_floating(held):
        family = "double"
    return _FAMILY.get(plain) == family
