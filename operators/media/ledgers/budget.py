"""Limits the number of elements of a container that are read; elements with samples are counted separately."""

from __future__ import annotations

from dataclasses import dataclass

MAX_OTHERS = 200_000
"""Elements without samples: an ordinary file has a few hundred."""
MAX_SAMPLES = 1_000_000
"""Four hours of pictures and sound at 75 a second, about 3 s of work."""
MIN_SAMPLE_BYTES = 32
"""On average. Shorter samples that use up a budget exist only for that purpose."""


@dataclass(slots=True)
class Budget:
    """Budget of one walk, at all its levels."""

    num_others_left: int = MAX_OTHERS
    num_samples_left: int = MAX_SAMPLES
    num_sample_bytes: int = 0

    def spend_other(self) -> None:
        """Count an element without samples."""
        self.num_others_left -= 1

    def spend_sample(self, num_bytes: int) -> None:
        """Count an element with samples."""
        self.num_samples_left -= 1
        self.num_sample_bytes += num_bytes

    @property
    def is_spent(self) -> bool:
        """Whether no further element may be read."""
        return self.num_others_left <= 0 or self.num_samples_left <= 0

    @property
    def hides_the_rest(self) -> bool:
        """Whether no ordinary file has the elements that used the budget, so that the rest counts as unseen."""
        spent = MAX_SAMPLES - self.num_samples_left
        return self.num_others_left <= 0 or (
            self.num_samples_left <= 0 and self.num_sample_bytes < MIN_SAMPLE_BYTES * spent
        )
