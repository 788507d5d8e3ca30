"""The running roles of a worker: queries over all of them, and their stop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import structlog

from streams.consumer.role_app import RoleApp
from streams.delivery.unfinished import UnfinishedEvent
from streams.engagement.role import EngagementRole

_log = structlog.get_logger(__name__)


class RunningRoles:
    """In the order in which they were started; none at first."""

    def __init__(self) -> None:
        self._apps: list[RoleApp] = []
        self._engagement: list[EngagementRole] = []
        """None or one; it is no Faust app."""
        self._stopped: set[str] = set()

    @property
    def num_live_slots(self) -> int:
        """Number of taken slots of the media role."""
        return sum(app.admission.num_slots for app in self._apps if app.role == "media")

    @property
    def not_stopped(self) -> list[str]:
        """Names of roles whose stop has not ended."""
        return [role.role for role in self._all() if role.role not in self._stopped]

    def add(self, app: RoleApp) -> None:
        """Add a role that is about to start."""
        self._apps.append(app)

    def add_engagement(self, role: EngagementRole) -> None:
        """Add the engagement role, which is about to start."""
        self._engagement.append(role)

    def has_joined(self, name: str) -> bool:
        """Return whether the role runs here and has joined its group."""
        return any(role.role == name and role.joined.is_set() for role in self._all())

    def unfinished_events(self) -> Iterator[UnfinishedEvent]:
        """Yield events in progress; callable on any thread."""
        for app in self._apps:
            yield from app.unfinished.events()

    def report_crashes(self) -> None:
        """Let each role report what ended it, if anything did."""
        for app in self._apps:
            app.report_fatal_error()

    async def stop(self) -> None:
        """Stop all at once; return when each has stopped or failed to."""
        roles = self._all()
        ends = await asyncio.gather(*(self._stop(role) for role in roles), return_exceptions=True)
        for role, end in zip(roles, ends, strict=True):
            if isinstance(end, BaseException):
                _log.warning("role failed to stop cleanly", role=role.role, error=repr(end))

    async def _stop(self, role: RoleApp | EngagementRole) -> None:
        try:
            await role.stop()
        finally:
            self._stopped.add(role.role)

    def _all(self) -> list[RoleApp | EngagementRole]:
        return [*self._apps, *self._engagement]
