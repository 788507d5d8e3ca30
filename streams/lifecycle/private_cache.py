"""The cache for results that are expensive to compute."""

from __future__ import annotations

from operators.inference.private_cache import PrivateCache
from streams.config.settings import Settings


def private_cache(settings: Settings) -> PrivateCache:
    """Return the configured cache of compiled models and probe results; nothing is created on disk yet."""
    return PrivateCache(settings.compiled_dir or settings.cache_dir / "compiled", settings.compiled_max_bytes)
