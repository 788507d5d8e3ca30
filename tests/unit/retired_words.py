"""Words that names and headings no longer use, each with the field's word; and names that keep one, with the reason."""

from __future__ import annotations

from typing import Final

RETIRED: Final = {
    "alone": "exclusive",
    "anew": "again",
    "away": "unavailable",
    "beside": "in addition to",
    "bursts": "dense segments",
    "catalogue": "registry",
    "contenders": "competitors",
    "crash": "fatal error",
    "deaf": "paused",
    "door": "admission gate",
    "examination": "check",
    "glance": "keyframe sample",
    "glances": "keyframe samples",
    "grace": "timeout",
    "guard": "deletion marker",
    "guarded": "authenticated, secured or marked as deleted",
    "lanes": "keyed executor, priority queue or priority class",
    "lest": "so that ... not",
    "letter": "dead letter",
    "letters": "dead letters",
    "lies": "is stored",
    "likeness": "similarity",
    "loner": "exclusive event",
    "loners": "exclusive events",
    "mend": "repair",
    "mended": "repaired",
    "moments": "sample points",
    "parked": "deferred",
    "parking": "deferral",
    "patience": "timeout",
    "pot": "shared pool",
    "programme": "full-band audio",
    "reckoning": "deduplication",
    "retelling": "decode replay",
    "settlement": "slot cleanup",
    "slots": "max concurrent videos",
    "sweep": "due poller, periodic audit or full decode",
    "swept": "decoded in full",
    "tether": "parent-death watch",
    "ticket": "request context",
    "trunk": "precision wrapper",
    "whoever": "anyone who",
    "witness": "rollback detector",
}
"""In lower case, as a part of a name: `parked` is retired in `max_parked`, and in `ParkedEvents`, too."""

EXEMPT: Final = {
    "operators/media/sources/address_guard.py": "it guards requests against private addresses, as the field says it",
    "AddressGuard": "the same",
    "tests/unit/operators/media/sources/test_address_guard.py": "the same",
}
"""Names that hold a retired word and keep it."""

PREFIXED: Final = {("dead", "letter"), ("dead", "letters"), ("crash", "loop"), ("crash", "loops")}
"""Pairs of words that are the field's own, although one of them is retired by itself."""
