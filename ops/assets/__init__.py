"""Weights and sample clips: their sources, and fetching them into the cache."""

from ops.assets.cache import default_cache_dir
from ops.assets.clip import SampleClip, UploadText
from ops.assets.sample_registry import SAMPLE_CLIPS
from ops.assets.samples import fetch_samples, sample_path, samples_dir
from ops.assets.weights import fetch_weights
from ops.assets.wheels import AssetUnavailable

__all__ = [
    "SAMPLE_CLIPS",
    "AssetUnavailable",
    "SampleClip",
    "UploadText",
    "default_cache_dir",
    "fetch_samples",
    "fetch_weights",
    "sample_path",
    "samples_dir",
]
