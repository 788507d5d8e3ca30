"""Opens the engine for analysis without a broker, in the order that torch requires."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import time
from typing import TYPE_CHECKING

from operators.inference.observer import InferenceObserver
from operators.internal_errors import InternalError
from schemas.uploads import VideoUploaded
from streams.config.settings import Settings
from streams.lifecycle.collector import collector_paused
from streams.lifecycle.process_setup import prepare_process

if TYPE_CHECKING:
    from streams.local_analysis import LocalAnalysis


@asynccontextmanager
async def open_local_analysis(
    settings: Settings,
    on_unexpected: Callable[[VideoUploaded, InternalError], None] = lambda _upload, _error: None,
    observer: InferenceObserver | None = None,
) -> AsyncIterator[tuple[LocalAnalysis, str]]:
    """Yield an analysis with warm models, and the name of its device.

    Args:
        settings: of the process.
        on_unexpected: called with unexpected errors, each of one video.
        observer: called for every batch of a model.

    Raises:
        InvalidPolicy, CardInvalid, WeightsMissing, WeightsCorrupt, ModeUnavailable, DeviceFault, InternalError: as the
            parts say.
    """
    capabilities = prepare_process(settings)
    # imports torch: after the process was prepared, and not for every command
    with collector_paused():
        from streams.analysis.engine import EngineOptions
        from streams.analysis.engine_opening import open_engine
        from streams.decision.cost import Prices
        from streams.decision.outcome import FoldContext
        from streams.decision.policy_file import load_policy
        from streams.lifecycle.clock import SystemClock
        from streams.local_analysis import LocalAnalysis

    policy = load_policy(settings.policy_file)
    options = EngineOptions() if observer is None else EngineOptions(inference_observer=lambda _device: observer)
    engine = await open_engine(settings, capabilities, options)
    try:
        context = FoldContext(policy, Prices.from_settings(settings), settings.log_epoch, time())
        yield (
            LocalAnalysis(
                engine, context, slots=settings.max_concurrent_videos, clock=SystemClock(), on_unexpected=on_unexpected
            ),
            engine.device,
        )
    finally:
        await engine.close()
