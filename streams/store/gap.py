"""A gap of a video as it is stored: why its facts wait, and what waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from schemas.facts import Deleted, Failure
from streams.store.compression import decoded_or_none

GapCause = Literal[
    "unreadable-state",  # the stored state of the video cannot be decoded
    "internal-error",  # folding one of its facts fails
    "crash-loop",  # folding one of its facts ends the process
    "newer-fact",  # a newer release wrote one of its facts
]
GAP_CAUSES: Final[tuple[GapCause, ...]] = ("unreadable-state", "internal-error", "crash-loop", "newer-fact")
REFOLDS_OF: Final = "refolds:"
"""Before a release, the name of the field with its number of refolds."""
OWED: Final = "owed:"
"""Before an offset, the name of the field with the failure whose dead letter is not written yet."""
_LONGEST_NUMBER: Final = 19
"""Digits of the largest that is ever written."""
_DELETION_DECODER: Final = msgspec.json.Decoder(Deleted)
_FAILURE_DECODER: Final = msgspec.json.Decoder(Failure)


@dataclass(frozen=True, slots=True)
class Gap:
    """Why facts of a video wait. Fields that cannot be read are empty or 0."""

    cause: str
    message: str
    partition: int
    log_generation: int
    first_offset: int
    waiting_offset: int
    """Offset of the last waiting fact."""
    since_unix_seconds: float
    num_refolds: int
    """Number of refolds that failed under `release`; noted for one release, for workers that know no other number."""
    release: str
    """Release that tried last."""
    kind: str
    type: str
    is_deletion_waiting: bool
    deletion: Deleted | None = None
    """The last waiting deletion, if it can be read."""
    died_releases: frozenset[str] = frozenset()
    """Releases that died over its facts; empty where one noted it that knows no such list: then it was `release`."""
    said: str = ""
    """Version of the interim outcome, as text; empty without one."""
    is_told: bool = False
    """Whether the interim outcome is published to both topics."""
    refolds_by_release: Mapping[str, int] = field(default_factory=dict)
    """Number of refolds that failed, of each release; workers of the previous release note `num_refolds` alone."""
    owed: Mapping[int, Failure] = field(default_factory=dict)
    """By offset, waiting facts whose dead letter is not written yet."""

    def refolds_of(self, release: str) -> int:
        """Number of refolds that failed under a release, whichever tried last: workers of several may take turns."""
        return self.refolds_by_release.get(release, self.num_refolds if release == self.release else 0)

    @property
    def deadly_releases(self) -> frozenset[str]:
        """Releases whose processes died over its facts: none of these folds it."""
        if self.cause != "crash-loop":
            return frozenset()
        return self.died_releases or frozenset((self.release,))


def gap_of(fields: Mapping[Any, Any]) -> Gap:
    """Decode the stored fields; those that cannot be read are empty or 0."""
    found = {text_of(name): text_of(value) for name, value in fields.items()}
    return Gap(
        cause=found.get("cause", "internal-error"),
        message=found.get("message", ""),
        partition=number_of(found.get("partition")),
        log_generation=number_of(found.get("log_generation")),
        first_offset=number_of(found.get("first_offset")),
        waiting_offset=number_of(found.get("waiting_offset")),
        since_unix_seconds=seconds_of(found.get("since_unix_seconds")),
        num_refolds=number_of(found.get("refolds")),
        release=found.get("release", ""),
        kind=found.get("kind", ""),
        type=found.get("type", ""),
        is_deletion_waiting=found.get("deletion_waits") == "1",
        deletion=decoded_or_none(_DELETION_DECODER, found.get("deletion")),
        died_releases=frozenset(found["died"].split(",")) if "died" in found else frozenset(),
        said=found.get("said", ""),
        is_told=found.get("told") == "1",
        refolds_by_release={
            name.removeprefix(REFOLDS_OF): number_of(value)
            for name, value in found.items()
            if name.startswith(REFOLDS_OF)
        },
        owed={
            number_of(name.removeprefix(OWED)): failure
            for name, value in found.items()
            if name.startswith(OWED) and (failure := decoded_or_none(_FAILURE_DECODER, value)) is not None
        },
    )


def number_of(value: str | None) -> int:
    """Decode a number that is not negative; others become 0."""
    is_number = value is not None and value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER
    return int(value or 0) if is_number else 0


def seconds_of(value: str | None) -> float:
    """Decode a time; invalid ones become 0."""
    try:
        return float(value or 0.0)
    except ValueError:
        return 0.0


def text_of(value: bytes | str) -> str:
    """Decode an answer of either kind of client."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
