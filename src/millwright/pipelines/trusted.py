"""Records of values that are known to be right, made without checking them again."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel

R = TypeVar("R", bound=BaseModel)
# A record is frozen, so its slots are filled from beside it.
_set_fields = BaseModel.__dict__["__dict__"].__set__
_set_names, _set_extra, _set_private = (
    BaseModel.__dict__[f"__pydantic_{slot}__"].__set__
    for slot in ("fields_set", "extra", "private")
)


def trusted(kind: type[R], /, **values: Any) -> R:
    """A record from values that this process made or a row held; ten times faster than checking.

    As ``model_construct``, with the defaults worked out once per class. Defaults are shared: who
    gets a record must not change what is in it, which is the rule for records anyway.
    """
    made = kind.__new__(kind)
    _set_fields(made, {**_defaults(kind), **values})
    _set_names(made, set(values))
    _set_extra(made, None)
    _set_private(made, None)
    return made


@cache
def _defaults(kind: type[BaseModel]) -> dict[str, Any]:
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in kind.model_fields.items()
        if not field.is_required()
    }
