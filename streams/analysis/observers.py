"""Observers that export the operators' reports as metrics."""

from __future__ import annotations

from operators.inference.observer import BatchRun
from streams.costs.cpu_account import ProcessStage
from streams.observability import metrics


class InferenceMetrics:
    """Counts batches; called on the device's thread.

    Args:
        device: name of the backend.
    """

    def __init__(self, device: str) -> None:
        self._device = device

    def batch_ran(self, run: BatchRun) -> None:
        """Count a completed batch."""
        metrics.BATCH_ITEMS.labels(run.model).observe(run.items)
        metrics.BATCH_VIDEOS.labels(run.model).observe(run.videos)
        metrics.BATCH_PADDED.labels(run.model).inc(run.padded_slots)
        metrics.QUEUE_AGE_SECONDS.labels(run.model).observe(run.queue_age_seconds)
        metrics.DEVICE_SECONDS.labels(run.model, self._device).inc(run.device_seconds)

    def runner_renewed(self, model: str) -> None:
        """Count a runner that was created after a device fault."""
        metrics.DEVICE_FAULTS.labels(model).inc()


def count_refused_bucket(model: str, device: str) -> None:
    """Count a batch size of a model that a device may not run."""
    metrics.REFUSED_BUCKETS.labels(model, device).inc()


class DecodeMetrics:
    """Counts decodes; called on the event loop."""

    def decode_started(self, waited_seconds: float) -> None:
        """Observe how long a decode waited for a process."""
        metrics.STAGE_SECONDS.labels("decode-wait").observe(waited_seconds)

    def decode_finished(self, seconds: float, cause: str) -> None:
        """Count a completed decode; an empty cause means success."""
        metrics.DECODES.labels(cause or "ok").inc()
        metrics.STAGE_SECONDS.labels("decode").observe(seconds)

    def decoder_replaced(self) -> None:
        """Count a decoder process that was replaced."""
        metrics.DECODES.labels("process-replaced").inc()


class CpuMetrics:
    """Counts CPU time by stage; called on the event loop."""

    def cpu_used(self, stage: ProcessStage, seconds: float) -> None:
        """Add CPU time of a stage."""
        metrics.CPU_SECONDS.labels(stage).inc(seconds)

    def was_idle(self, seconds: float) -> None:
        """Add time without a video in progress."""
        metrics.IDLE_SECONDS.inc(seconds)
