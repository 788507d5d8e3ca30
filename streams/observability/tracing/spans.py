"""What `streams` traces with: no vendor is known here, and none is imported until a collector is named.

One tracer a process, as with metrics: whoever has something to say of a step says it here.
"""

from __future__ import annotations

from typing import Protocol

from operators.tracing import NO_SPAN, SILENT_TRACER, Note, Tracer, TraceSpan
from schemas.codec import header
from schemas.topics import Topic
from streams.record import Record


class EventTracer(Tracer, Protocol):
    """Also knows what crosses Kafka."""

    def consuming(self, name: str, record: Record, traceparent: bytes | None, began_unix_seconds: float) -> TraceSpan:
        """Begin work on a record, as a child of the step that published it."""

    def producing(self, topic: Topic, *, key: str | bytes | None) -> TraceSpan:
        """Begin to publish a record."""

    def current(self) -> TraceSpan:
        """The step that surrounds the call."""


_tracer: EventTracer | None = None


def install(tracer: EventTracer | None) -> None:
    """Trace with this from here on; None for not at all."""
    global _tracer
    _tracer = tracer


def for_operators() -> Tracer:
    """The process's tracer, to be handed down."""
    return _tracer or SILENT_TRACER


def span(
    name: str, *, parent: TraceSpan | None = None, began_unix_seconds: float | None = None, **notes: Note
) -> TraceSpan:
    """Begin a step; see `Tracer.span`."""
    if _tracer is None:
        return NO_SPAN
    return _tracer.span(name, parent=parent, links=(), began_unix_seconds=began_unix_seconds, **notes)


def consuming(name: str, record: Record, began_unix_seconds: float) -> TraceSpan:
    """Begin work on a record, as a child of the step that published it."""
    if _tracer is None:
        return NO_SPAN
    return _tracer.consuming(name, record, header(record.headers, "traceparent"), began_unix_seconds)


def producing(topic: Topic, *, key: str | bytes | None) -> TraceSpan:
    """Begin to publish a record."""
    return NO_SPAN if _tracer is None else _tracer.producing(topic, key=key)


def current() -> TraceSpan:
    """The step that surrounds the call."""
    return NO_SPAN if _tracer is None else _tracer.current()


def traceparent() -> bytes | None:
    """Of the step that surrounds the call, for a record's header; None where nothing is traced."""
    return None if _tracer is None else _tracer.current().traceparent
