"""Which mode a model computes in: the stored one, or the first in order of preference that nothing clearly beats."""

from __future__ import annotations

import pytest

from operators.inference.compute_mode import MODES, ComputeMode
from operators.inference.mode_choice import MIN_ADVANTAGE, Trial, choose_mode

PLAIN, REDUCED, OTHER, OTHER_REDUCED = MODES


def trials(**milliseconds: float | None) -> list[Trial]:
    """One per mode, by its words in the order of `MODES`."""
    modes = dict(zip(("plain", "reduced", "other", "other_reduced"), MODES, strict=True))
    return [Trial(modes[name], None if each is None else each / 1000) for name, each in milliseconds.items()]


class TestChoice:
    @pytest.mark.parametrize(
        ("measured", "expected"),
        [
            ({"plain": 10.0}, PLAIN),
            ({"plain": 10.0, "reduced": 9.0}, PLAIN),
            ({"plain": 10.0, "reduced": 8.0}, REDUCED),
            ({"plain": 10.0, "reduced": 5.0, "other_reduced": 4.5}, REDUCED),
            ({"plain": 10.0, "reduced": 5.0, "other_reduced": 4.0}, OTHER_REDUCED),
            ({"plain": 10.0, "reduced": None, "other": 5.0, "other_reduced": 4.9}, OTHER),
            ({"plain": 0.0, "reduced": 0.0}, PLAIN),
        ],
    )
    def test_takes_the_first_that_nothing_clearly_beats(
        self, measured: dict[str, float | None], expected: ComputeMode
    ) -> None:
        """An advantage below the limit is noise, and the preferred mode stays."""
        assert choose_mode(trials(**measured)) == expected

    def test_a_stored_mode_stays_through_noise(self) -> None:
        """Two starts that measure a little differently choose alike: fingerprints do not flip."""
        for reduced in (8.0, 9.0, 10.0, 11.0, 10 * MIN_ADVANTAGE - 0.01):
            assert choose_mode(trials(plain=10.0, reduced=reduced), stored=REDUCED) == REDUCED

    def test_a_stored_mode_gives_way_to_a_clearly_faster_one(self) -> None:
        """From the limit on."""
        assert choose_mode(trials(plain=10.0, reduced=10 * MIN_ADVANTAGE), stored=REDUCED) == PLAIN

    def test_a_stored_mode_that_fails_now_is_left(self) -> None:
        """It may be out of tolerance with other weights."""
        assert choose_mode(trials(plain=10.0, reduced=None), stored=REDUCED) == PLAIN

    def test_refuses_to_choose_from_nothing(self) -> None:
        """The message says what failed."""
        with pytest.raises(ValueError, match="no mode can be used: torch-float32 is wrong"):
            choose_mode([Trial(PLAIN, None, "is wrong")])
