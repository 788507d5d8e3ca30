"""The tracing interface of operators: start and end of steps. Nothing is recorded unless a tracer is set."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

Note = str | bool | int | float


class TraceSpan(Protocol):
    """One step in progress; no method waits or raises, and any thread may call them.

    `with` ends it, and makes it the parent of steps that start inside, in the same task and in tasks that are started
    there.
    """

    @property
    def is_kept(self) -> bool:
        """Whether the span is recorded; False without a tracer, or if its trace is not sampled."""

    @property
    def traceparent(self) -> bytes | None:
        """Its W3C traceparent, to continue the trace elsewhere; None without a tracer."""

    def note(self, name: str, value: Note) -> None:
        """Add an attribute that was not known at the start."""

    def link(self, other: TraceSpan) -> None:
        """Link a step that is no parent, such as the batch that computed the result."""

    def end(self, failure: str = "") -> None:
        """End it without `with`; `failure` is the kind of the error."""

    def __enter__(self) -> Self:
        """Make this span the parent of spans that start inside."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """End the span, with the kind of the error."""


class Tracer(Protocol):
    """Creates spans."""

    def span(
        self,
        name: str,
        *,
        parent: TraceSpan | None = None,
        links: Iterable[TraceSpan] = (),
        began_unix_seconds: float | None = None,
        **notes: Note,
    ) -> TraceSpan:
        """Start a step.

        Args:
            name: of the step; from a small set.
            parent: if it is not the surrounding step.
            links: steps that it works for in addition to its parent.
            began_unix_seconds: if it started earlier.
            notes: attributes.
        """


class NoSpan:
    """Span of a tracer that does nothing; see `TraceSpan`."""

    is_kept = False
    traceparent: bytes | None = None

    def note(self, name: str, value: Note) -> None:
        """Do nothing."""

    def link(self, other: TraceSpan) -> None:
        """Do nothing."""

    def end(self, failure: str = "") -> None:
        """Do nothing."""

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Do nothing."""


NO_SPAN = NoSpan()


class SilentTracer:
    """Does nothing; see `Tracer`."""

    def span(
        self,
        name: str,  # noqa: ARG002  (the signature is the protocol's)
        *,
        parent: TraceSpan | None = None,  # noqa: ARG002
        links: Iterable[TraceSpan] = (),  # noqa: ARG002
        began_unix_seconds: float | None = None,  # noqa: ARG002
        **notes: Note,  # noqa: ARG002
    ) -> TraceSpan:
        """Return an empty span."""
        return NO_SPAN


SILENT_TRACER = SilentTracer()
