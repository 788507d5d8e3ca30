"""How many items of each model a video of the sample mix has."""

from __future__ import annotations

from collections import Counter

from operators.inference.observer import BatchRun
from ops.assets import samples_dir
from ops.assets.sample_uploads import sample_uploads
from ops.local_analysis_session import open_local_analysis
from streams.config.settings import Settings, read_settings


class ItemCount:
    """Counts the items of each model."""

    def __init__(self) -> None:
        self.items: Counter[str] = Counter()

    def batch_ran(self, run: BatchRun) -> None:
        """See `InferenceObserver.batch_ran`."""
        self.items[run.model] += run.items

    def runner_renewed(self, model: str) -> None:
        """Do nothing."""


async def items_per_video(settings: Settings) -> dict[str, float]:
    """Analyse the sample clips, and return the mean number of items by model."""
    uploads = sample_uploads(settings.cache_dir)
    counted = ItemCount()
    reading = read_settings(media_roots=str(samples_dir(settings.cache_dir)), measure_at_start=False)
    async with open_local_analysis(reading, observer=counted) as (analysis, _):
        counted.items.clear()  # opening embeds the prototypes, once a worker: no video pays for that
        for upload in uploads:
            await analysis.outcome_of(upload)
    return {model: items / len(uploads) for model, items in counted.items.items()}
