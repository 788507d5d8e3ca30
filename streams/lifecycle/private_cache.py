"""Where a process keeps what is dear to compute again."""

from __future__ import annotations

from operators.inference.private_cache import PrivateCache
from streams.config.settings import Settings


def private_cache(settings: Settings) -> PrivateCache:
    """The cache of compiled models and probe results that the settings name; nothing is made on disk yet."""
    return PrivateCache(settings.compiled_dir or settings.cache_dir / "compiled", settings.compiled_max_bytes)
