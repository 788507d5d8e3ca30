"""Contents of Matroska's descriptions, and their necessary length. Terms are those of RFC 9559."""

from __future__ import annotations

from typing import Final

from operators.media.ledgers.budget import Budget
from operators.media.ledgers.ebml import children
from operators.media.ledgers.ledger import Ledger

CRC, VOID = 0xBF, 0xEC
CRC_BYTES = 4
INTEGER_BYTES = 16
"""Of numbers, dates and identifiers."""
STRING_BYTES = 4_096
"""Of names and titles; a longer string is not counted as one."""
BLOB_BYTES = 2**16
"""Of codec headers; those of Vorbis have 8 KiB."""
_MAX_DEPTH = 8


def _ids(text: str) -> frozenset[int]:
    return frozenset(int(part, 16) for part in text.split())


_MASTERS: Final = _ids(
    "AE E0 E1 E2 E3 E4 E9 55B0 55D0 7670 6D80 6240 5034 5035 47E7 6624 41E4 6924"  # of tracks and the segment
    " 45B9 4520 B6 8F 80 6944 6911"  # of chapters
)
_INTEGERS: Final = _ids(
    "73A4 3CB923 3EB923 4444 69BF 69FC 2AD7B1 4489 4461"
    " D7 73C5 83 B9 88 55AA 55AB 55AC 55AD 55AE 55AF 9C 6DE7 6DF8 23E383 234E7A 23314F 537F 55EE 41F0 41E7 7446 AA 6FAB"
    " 56AA 56BB 66BF 66FC C0 C1 C6 C7 C4"
    " 9A 9D 53B8 53C0 53B9 B0 BA 54AA 54BB 54CC 54DD 54B0 54BA 54B2 54B3 2EB524 2FB523 2383E3"
    " 55B1 55B2 55B3 55B4 55B5 55B6 55B7 55B8 55B9 55BA 55BB 55BC 55BD"
    " 55D1 55D2 55D3 55D4 55D5 55D6 55D7 55D8 55D9 55DA 7671 7673 7674 7675 B5 78B5 9F 6264 52F1 E5 E6 ED"
    " 5031 5032 5033 4254 47E1 47E3 47E4 47E5 47E6 47E8"
    " 45BC 45BD 45DB 45DD 73C4 91 92 98 4598 4588 6E67 6EBC 63C3 89 6955 6922"
)
_STRINGS: Final = _ids(
    "7384 3C83AB 3E83BB 7BA9 4D80 5741 41A4 536E 22B59C 22B59D 86 258688 3A9697 3B4040 26B240"
    " 4521 45E4 5654 85 437C 437D 437E"
)
_BLOBS: Final = _ids("63A2 7672 41ED 69A5 66A5 7D7B 4255 47E2 450D 6933")


def take_structure(
    body: bytes, place: int, ledger: Ledger, budget: Budget, first: int = 0, last: int | None = None, depth: int = 0
) -> None:
    """Record what is in `body`, at offset `place` of the file, and is longer than necessary or unknown."""
    last = len(body) if last is None else last
    seen: set[int] = set()
    for number, begin, end in children(body, first, last):
        budget.spend_other()
        if budget.is_spent:
            ledger.strays.append((place + begin, place + last))
            return
        first = end
        if number in _MASTERS and depth < _MAX_DEPTH:
            take_structure(body, place, ledger, budget, begin, end, depth + 1)
            continue
        needed = 0 if number in _BLOBS and number in seen else _needed_bytes(number)
        seen.add(number)
        if number in _STRINGS:
            ledger.notes.append((place + begin, place + min(end, begin + needed)), header_bytes=8)
        ledger.strays.append((place + min(end, begin + needed), place + end))
    ledger.strays.append((place + first, place + last))


def _needed_bytes(number: int) -> int:
    """Return the necessary length of an element; 0 for an unknown one."""
    if number == CRC:
        return CRC_BYTES
    if number in _INTEGERS:
        return INTEGER_BYTES
    if number in _STRINGS:
        return STRING_BYTES
    return BLOB_BYTES if number in _BLOBS else 0
