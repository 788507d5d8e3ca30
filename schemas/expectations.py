"""The values that a schema allows at one place, as text; derived from the types themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import inspect

from schemas.near_names import listed, near_word

ALLOWED: Final = "allowed"
"""Key in a type's `Meta.extra`: a description of what a pattern allows."""
MEANT: Final = "meant"
"""Key in a type's `Meta.extra`: a function that returns, for a wrong text, the text that was likely meant, or None."""
_HUGE: Final = 2**53 - 1
_NUMBER: Final = re.compile(r"-?[0-9]{1,17}(\.[0-9]{1,17})?")


def expected(kind: inspect.Type) -> str:
    """Return what is allowed, such as `a whole number from 1`."""
    if isinstance(kind, inspect.Metadata):
        return str((kind.extra or {}).get(ALLOWED) or expected(kind.type))
    if isinstance(kind, inspect.UnionType):
        return _of_union(kind)
    if isinstance(kind, inspect.LiteralType):
        return listed([_word(value) for value in kind.values])
    if isinstance(kind, inspect.StructType):
        return _of_struct(kind)
    if isinstance(kind, inspect.StrType):
        return _of_text(kind)
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        return _of_number(kind)
    if isinstance(kind, inspect.CollectionType):
        most = f", at most {kind.max_length}" if kind.max_length is not None else ""
        return f"a list{most}, of which each is {expected(kind.item_type)}"
    return _SIMPLE.get(type(kind), "what the schema says")


_SIMPLE: Final[Mapping[type, str]] = {
    inspect.BoolType: "true or false",
    inspect.DictType: "an object",
    inspect.NoneType: "null",
    inspect.AnyType: "anything",
}


def meant(kind: inspect.Type, found: object) -> str | None:
    """Return the value that was likely meant; None if there is none."""
    if isinstance(kind, inspect.Metadata):
        function = (kind.extra or {}).get(MEANT)
        return function(found) if function else meant(kind.type, found)
    if isinstance(kind, inspect.UnionType):
        return next((near for part in _parts(kind) if (near := meant(part, found))), None)
    if isinstance(kind, inspect.LiteralType):
        return near_word(found, [_word(value) for value in kind.values]) if isinstance(found, str | bool) else None
    return None


def unquoted(kind: inspect.Type, found: object) -> str | None:
    """Return a number that was written as text, as it should be written; None for other values."""
    if isinstance(kind, inspect.Metadata):
        return unquoted(kind.type, found)
    if isinstance(kind, inspect.UnionType):
        return next((number for part in _parts(kind) if (number := unquoted(part, found))), None)
    is_number = isinstance(kind, inspect.IntType | inspect.FloatType)
    return found if is_number and isinstance(found, str) and _NUMBER.fullmatch(found) else None


def narrowed(kind: inspect.Type, found: object) -> inspect.Type:
    """Return the struct of a union that an object names by its tag, or the only one; other types unchanged."""
    if isinstance(kind, inspect.Metadata):
        return narrowed(kind.type, found)
    if not isinstance(kind, inspect.UnionType):
        return kind
    parts = _parts(kind)
    if len(parts) == 1:
        return narrowed(parts[0], found)
    tagged = [part for part in parts if isinstance(part, inspect.StructType)]
    if isinstance(found, Mapping):
        named = [part for part in tagged if part.tag_field and found.get(part.tag_field) == part.tag]
        return named[0] if named else kind
    return kind


def fields_of(kind: inspect.Type) -> dict[str, inspect.Type]:
    """Return the types of a struct's fields by name, with its tag; of a union only the tag."""
    if isinstance(kind, inspect.StructType):
        tag = {kind.tag_field: inspect.LiteralType((kind.tag,))} if kind.tag_field and kind.tag is not None else {}
        return {**tag, **{field.encode_name: field.type for field in kind.fields}}
    if isinstance(kind, inspect.UnionType):
        tagged = [part for part in _parts(kind) if isinstance(part, inspect.StructType) and part.tag_field]
        if tagged:
            return {str(tagged[0].tag_field): inspect.LiteralType(tuple(part.tag for part in tagged))}
    return {}


def _parts(kind: inspect.UnionType) -> list[inspect.Type]:
    """Return the parts without null, which only means that a field may be left out."""
    return [part for part in kind.types if not isinstance(part, inspect.NoneType)]


def _of_union(kind: inspect.UnionType) -> str:
    return " or ".join(dict.fromkeys(expected(part) for part in _parts(kind)))


def _of_struct(kind: inspect.StructType) -> str:
    """Describe an object with its tag and required fields."""
    tag = [f'"{kind.tag_field}": "{kind.tag}"'] if kind.tag_field else []
    required = [f'"{field.encode_name}": ...' for field in kind.fields if field.required]
    return "{" + ", ".join([*tag, *required]) + "}"


def _of_text(kind: inspect.StrType) -> str:
    least, most = kind.min_length, kind.max_length
    if most is None:
        return "a text" if not least else f"a text of at least {least} characters"
    return f"a text of {least} to {most} characters" if least else f"a text of at most {most} characters"


def _of_number(kind: inspect.IntType | inspect.FloatType) -> str:
    name = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
    least = f" from {kind.ge:g}" if kind.ge is not None else f" above {kind.gt:g}" if kind.gt is not None else ""
    most = f" up to {kind.le:.10g}" if kind.le is not None and kind.le < _HUGE else ""
    return f"{name}{least}{most}"


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
