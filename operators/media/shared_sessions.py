"""The media sessions of a worker: agents of one video share one decode."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from operators.media.fetch_meter import FetchMeter
from operators.media.plan import PlanPolicy
from operators.media.pool import DecoderPool
from operators.media.session import BETWEEN_TRIES_SECONDS, MediaOpener, MediaSession
from operators.tracing import SILENT_TRACER, Tracer
from schemas.uploads import MediaSource


class MediaSessions:
    """The sessions of this worker: at most one per key, with a reference count."""

    def __init__(
        self,
        pool: DecoderPool,
        opener: MediaOpener,
        policy: PlanPolicy | None = None,
        tracer: Tracer = SILENT_TRACER,
        between_tries_seconds: tuple[float, ...] = BETWEEN_TRIES_SECONDS,
    ) -> None:
        """The creator of `pool` and `opener` closes them."""
        self._between_tries_seconds = between_tries_seconds
        self._pool = pool
        self._opener = opener
        self._policy = policy or PlanPolicy()
        self._tracer = tracer
        self._sessions: dict[str, tuple[MediaSession, int]] = {}
        self.fetching = FetchMeter()
        """Of all sessions."""

    def decoder_cpu_seconds(self) -> float:
        """CPU time of the decoder processes so far, including their starts."""
        return self._pool.cpu_seconds()

    def decoder_start_cpu_seconds(self) -> float:
        """CPU time that they used until each was ready."""
        return self._pool.start_cpu_seconds()

    def __len__(self) -> int:
        """Number of open sessions."""
        return len(self._sessions)

    @asynccontextmanager
    async def open(self, key: str, source: MediaSource) -> AsyncIterator[MediaSession]:
        """Join the session of `key`, or start it; the last user closes it.

        Args:
            key: One per video and revision.
            source: The media's source; only that of the first user counts.
        """
        session = self._enter(key, source)
        try:
            yield session
        finally:
            if self._leave(key):
                await session.close()

    def _enter(self, key: str, source: MediaSource) -> MediaSession:
        session, num_users = self._sessions.get(key, (None, 0))
        if session is None:
            session = MediaSession(
                source, self._opener, self._pool, self._policy, self._tracer, self.fetching, self._between_tries_seconds
            )
        self._sessions[key] = (session, num_users + 1)
        return session

    def _leave(self, key: str) -> bool:
        """Return whether that was the last user."""
        session, num_users = self._sessions.pop(key)
        if num_users > 1:
            self._sessions[key] = (session, num_users - 1)
        return num_users == 1
