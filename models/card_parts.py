"""What every part of a card's file shares: a table without unknown keys, and the strings that its keys hold."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from schemas.expectations import ALLOWED

Text = Annotated[str, Meta(min_length=1, max_length=2_000)]
Word = Annotated[str, Meta(min_length=1, max_length=200)]
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$(?!\n)",
        extra={ALLOWED: "lower-case letters, digits, '.', '_' and '-', at most 64, beginning with a letter or digit"},
    ),
]
Version = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.+_-]{0,31}$(?!\n)",
        extra={ALLOWED: "letters, digits, '.', '+', '_' and '-', at most 32, beginning with a letter or digit"},
    ),
]
Sha256 = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", extra={ALLOWED: "64 lower-case hexadecimal digits, as sha256sum prints"})
]
SpaceName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}/[1-9][0-9]{0,4}$(?!\n)",
        extra={ALLOWED: "a name and the number of dimensions, such as my-model/512"},
    ),
]
Repository = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$(?!\n)",
        extra={ALLOWED: "owner/name"},
    ),
]
Revision = Annotated[
    str,
    Meta(
        pattern=r"^[0-9a-f]{40}$(?!\n)",
        extra={ALLOWED: "the 40 lower-case hexadecimal digits of a commit; branches and tags move"},
    ),
]
Triple = Annotated[tuple[float, ...], Meta(min_length=3, max_length=3)]
FilePath = Annotated[str, Meta(min_length=1, max_length=255)]


class CardPart(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename=lambda name: name.removesuffix("_")
):
    """A part of a card's file."""
