"""Checks the setting that permits engines and modes of models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def engine_problems(words: Sequence[str]) -> Iterator[str]:
    """Yield a line for each word that is no engine or mode."""
    if not words:
        return  # what follows would cost every command some milliseconds
    from operators.inference.mode_limits import ModeLimits

    for word in words:
        try:
            ModeLimits.from_words([word])
        except ValueError as error:
            yield f"engines (environment VIDSIGNAL_ENGINES): {error}"
