"""Enables tracing; the only place that decides whether OpenTelemetry is imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streams.config.settings import Settings
from streams.observability.tracing import spans


@contextmanager
def traced(settings: Settings) -> Iterator[None]:
    """Trace this process inside the context, if the settings name a collector."""
    if settings.traces_endpoint is None:
        yield
        return
    from streams.observability.tracing.otlp import OtlpTracer  # only tracing processes pay for the import

    tracer = OtlpTracer(settings.traces_endpoint, settings.traces_sample_ratio)
    spans.install(tracer)
    try:
        yield
    finally:
        spans.install(None)
        tracer.close()
