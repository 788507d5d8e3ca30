"""The tracing interface of `streams`, independent of a vendor; none is imported unless a collector is configured.

There is one tracer per process, as with metrics, and any code adds notes to the current step here.
"""

from __future__ import annotations

from typing import Protocol

from operators.tracing import NO_SPAN, SILENT_TRACER, Note, Tracer, TraceSpan
from schemas.codec import header
from schemas.topics import Topic
from streams.record import Record


class EventTracer(Tracer, Protocol):
    """A tracer that also knows what crosses Kafka."""

    def consuming(self, name: str, record: Record, traceparent: bytes | None, began_unix_seconds: float) -> TraceSpan:
        """Start work on a record, as a child of the step that published it."""

    def producing(self, topic: Topic, *, key: str | bytes | None) -> TraceSpan:
        """Start to publish a record."""

    def current(self) -> TraceSpan:
        """The step that surrounds the call."""


_tracer: EventTracer | None = None


def install(tracer: EventTracer | None) -> None:
    """Use this tracer from now on; None disables tracing."""
    global _tracer
    _tracer = tracer


def for_operators() -> Tracer:
    """The process's tracer, to pass to operators."""
    return _tracer or SILENT_TRACER


def span(
    name: str, *, parent: TraceSpan | None = None, began_unix_seconds: float | None = None, **notes: Note
) -> TraceSpan:
    """Start a step; see `Tracer.span`."""
    if _tracer is None:
        return NO_SPAN
    return _tracer.span(name, parent=parent, links=(), began_unix_seconds=began_unix_seconds, **notes)


def consuming(name: str, record: Record, began_unix_seconds: float) -> TraceSpan:
    """Start work on a record, as a child of the step that published it."""
    if _tracer is None:
        return NO_SPAN
    return _tracer.consuming(name, record, header(record.headers, "traceparent"), began_unix_seconds)


def producing(topic: Topic, *, key: str | bytes | None) -> TraceSpan:
    """Start to publish a record."""
    return NO_SPAN if _tracer is None else _tracer.producing(topic, key=key)


def current() -> TraceSpan:
    """The step that surrounds the call."""
    return NO_SPAN if _tracer is None else _tracer.current()


def traceparent() -> bytes | None:
    """Trace parent of the step that surrounds the call, for a record's header; None if nothing is traced."""
    return None if _tracer is None else _tracer.current().traceparent
