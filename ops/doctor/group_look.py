"""One observation of a role's group, and the evaluation of several some seconds apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ops.doctor.finding import Finding, ok, warning, wrong
from schemas.counted import counted
from streams.config.settings import Role

LOOKS_SECONDS: Final = (3.0, 3.5)
"""Waits before the second and the third observation; the engagement role reports progress every five seconds."""
_SLOW: Final[frozenset[Role]] = frozenset(("media", "backfill"))
"""Roles whose events may take minutes."""


@dataclass(frozen=True, slots=True)
class GroupLook:
    """The broker's answer at one time, by partition."""

    members: int
    committed: dict[int, int | None]
    starts: dict[int, int]
    ends: dict[int, int]
    """Last stable offsets."""

    def next_offset(self, partition: int) -> int:
        """Return where the group would continue to read."""
        committed, start = self.committed.get(partition), self.starts[partition]
        return start if committed is None else max(committed, start)

    @property
    def behind(self) -> frozenset[int]:
        """Partitions with waiting records."""
        return frozenset(partition for partition, end in self.ends.items() if end > self.next_offset(partition))

    @property
    def lag(self) -> int:
        """Over all partitions."""
        return sum(self.ends[partition] - self.next_offset(partition) for partition in self.behind)

    @property
    def num_lost(self) -> int:
        """Records that were removed from the log before the group read them."""
        known = {partition: offset for partition, offset in self.committed.items() if offset is not None}
        return sum(max(0, self.starts[partition] - offset) for partition, offset in known.items())

    def has_moved_since(self, earlier: GroupLook) -> bool:
        """Return whether the group made progress, or nothing of what waited then is left."""
        waiting = earlier.behind & self.behind
        return not waiting or any(self.next_offset(each) != earlier.next_offset(each) for each in earlier.behind)


def judge(
    group: str, role: Role, looks: Sequence[GroupLook], *, head_is_late: bool = False, is_paused: bool = False
) -> Finding:
    """Return the state of the group.

    Args:
        group: its name.
        role: of the group.
        looks: the first observation, and later ones if records waited at it.
        head_is_late: whether a waiting record is older than the longest event.
        is_paused: whether an operator paused the role.
    """
    first, last = looks[0], looks[-1]
    if first.num_lost:
        return wrong(
            group,
            f"{counted(first.num_lost, 'record')} left the topic before the group read them",
            means="their videos get no answer from this role",
            do="publish their uploads once more, and add workers or retention",
        )
    if last.lag and not last.members:
        return warning(
            group,
            f"no worker processes {counted(last.lag, 'waiting record')}",
            means=f"the role {role} makes no progress",
            do=f"vidsignal worker --roles {role}",
        )
    members = f"{counted(last.members, 'member')}"
    found = f"{members}, {counted(last.lag, 'record')} behind"
    if not last.lag or len(looks) == 1 or last.has_moved_since(first):
        return ok(group, f"{found}{' and moving' * bool(last.lag)}")
    return _judge_standing(group, role, f"{found} and not moving", head_is_late, is_paused)


def _judge_standing(group: str, role: Role, found: str, head_is_late: bool, is_paused: bool) -> Finding:
    if is_paused:
        return ok(group, f"{found}: an operator paused the role")
    if role in _SLOW and not (head_is_late and role == "media"):
        return warning(
            group,
            found,
            means="one video may take longer than this looked, and past uploads stand back for live ones",
            do="look again in a minute; `vidsignal top` shows the state of the role",
        )
    return wrong(
        group,
        found,
        means=f"the role {role} makes no progress, although it has a member: it is stalled, or waits for something",
        do="vidsignal top: its state says which; restart a worker that is stalled, and keep its log",
    )
