"""Weights and sample clips: their sources, and fetching them into the cache."""

from pathlib import Path

from ops.assets.cache import default_cache_dir
from ops.assets.clip import SampleClip, UploadText
from ops.assets.downloading import AssetUnavailable
from ops.assets.sample_registry import SAMPLE_CLIPS
from ops.assets.samples import fetch_samples, sample_path, samples_dir
from ops.assets.weights import fetch_weights

__all__ = [
    "SAMPLE_CLIPS",
    "AssetUnavailable",
    "SampleClip",
    "UploadText",
    "default_cache_dir",
    "fetch_samples",
    "fetch_weights",
    "make_reference_inputs",
    "sample_path",
    "samples_dir",
]


def make_reference_inputs(cache_dir: Path) -> None:
    """Create the file of real inputs if it is missing, see `ops.assets.reference_inputs`, also for what it raises."""
    from operators.inference.reference_inputs import FILE_NAME

    if not (cache_dir / FILE_NAME).is_file():
        from ops.assets.reference_inputs import write_reference_inputs  # torch and decoders

        write_reference_inputs(cache_dir / FILE_NAME, cache_dir)
