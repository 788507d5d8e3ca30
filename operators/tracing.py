"""What operators tell whoever traces: when a step begins and when it ends. Nobody listens unless a tracer is put in."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

Note = str | bool | int | float


class TraceSpan(Protocol):
    """One step while it lasts; nothing here waits or raises, and any thread may call it.

    `with` ends it, and makes it the parent of what begins inside, in the same task and in tasks that are started there.
    """

    @property
    def is_kept(self) -> bool:
        """Whether anybody will see it; False where nobody listens, or where its trace is not sampled."""

    @property
    def traceparent(self) -> bytes | None:
        """Its W3C traceparent, for anyone who goes on elsewhere; None where nobody listens."""

    def note(self, name: str, value: Note) -> None:
        """Add a fact that was not known at the beginning."""

    def link(self, other: TraceSpan) -> None:
        """Point to a step that is no parent, such as the batch that answered."""

    def end(self, failure: str = "") -> None:
        """End it without `with`; `failure` is the kind of the error."""

    def __enter__(self) -> Self:
        """Be the parent from here on."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End it, with the kind of the error."""


class Tracer(Protocol):
    """Makes spans."""

    def span(
        self,
        name: str,
        *,
        parent: TraceSpan | None = None,
        links: Iterable[TraceSpan] = (),
        began_unix_seconds: float | None = None,
        **notes: Note,
    ) -> TraceSpan:
        """Begin a step.

        Args:
            name: of the step, one of few.
            parent: where it is not what surrounds the call.
            links: steps that it works for beside its parent.
            began_unix_seconds: where it began earlier.
            notes: facts about it.
        """


class NoSpan:
    """Of a tracer that does nothing; see `TraceSpan`."""

    is_kept = False
    traceparent: bytes | None = None

    def note(self, name: str, value: Note) -> None:
        """Forget it."""

    def link(self, other: TraceSpan) -> None:
        """Forget it."""

    def end(self, failure: str = "") -> None:
        """There is nothing to end."""

    def __enter__(self) -> Self:
        """Nobody's parent."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """There is nothing to end."""


NO_SPAN = NoSpan()


class SilentTracer:
    """Makes nothing; see `Tracer`."""

    def span(
        self,
        name: str,  # noqa: ARG002  (the signature is the protocol's)
        *,
        parent: TraceSpan | None = None,  # noqa: ARG002
        links: Iterable[TraceSpan] = (),  # noqa: ARG002
        began_unix_seconds: float | None = None,  # noqa: ARG002
        **notes: Note,  # noqa: ARG002
    ) -> TraceSpan:
        """Nothing."""
        return NO_SPAN


SILENT_TRACER = SilentTracer()
