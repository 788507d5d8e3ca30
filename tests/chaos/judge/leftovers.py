"""What must not be left when nothing happens any more: lag, attempts, overdue entries, strangers."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from tests.chaos.judge.evidence import MODERATION, Group, Store
from tests.chaos.judge.expected import Video
from tests.chaos.judge.outcomes import Said
from tests.chaos.judge.violations import Violations

_TIMEOUT_SECONDS = 15.0
_BATCH = 1000


def look(
    store: Store,
    groups: Sequence[Group],
    videos: Mapping[str, Video],
    said: Mapping[str, Said],
    violations: Violations,
) -> dict[str, int]:
    """Note all that must not be left; return how much is left that may be."""
    for place in groups:
        if place.end and place.committed != place.end:
            about = f"{place.group} partition {place.partition}"
            violations.add("behind", about, committed=place.committed, end=place.end)
    for key in store.scan_iter("vs:attempts:*", count=_BATCH):
        violations.add("attempts-left", key.decode(), seconds=store.ttl(key))
    for name in ("vs:deadlines", "vs:tombstones"):
        for member in store.zrangebyscore(name, "-inf", time.time() - _TIMEOUT_SECONDS):
            violations.add("overdue", member.decode(), key=name)
    for key in store.scan_iter("vs:{*}:status", count=_BATCH):
        video_id = key.decode().removeprefix("vs:{").removesuffix("}:status")
        if video_id not in videos:
            violations.add("stranger-in-store", video_id)

    return {"deadlines_of_final": _num_deadlines_of_final(store, said)}


def _num_deadlines_of_final(store: Store, said: Mapping[str, Said]) -> int:
    """Deadlines that the poll will pass over; a write that a failover lost, or that came twice, leaves one."""
    number = 0
    for member in store.zrange("vs:deadlines", 0, -1):
        revision, _, video_id = member.decode().partition("|")
        verdict = said[MODERATION].best.get(video_id)
        number += bool(verdict and verdict["status"] == "final" and verdict["version"]["revision"] >= int(revision))
    return number
