"""Card, device and settings agree on a precision."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.card import Precision
from operators.inference.precision import PrecisionPreference, choose_precision
from tests.unit.operators.inference.fakes import number_card

BOTH: tuple[Precision, ...] = ("bfloat16", "float32")
ONE: tuple[Precision, ...] = ("float32",)


class TestChoosePrecision:
    @pytest.mark.parametrize(
        ("allowed", "preference", "offered", "expected"),
        [
            (BOTH, "auto", BOTH, "bfloat16"),
            (BOTH, "auto", ONE, "float32"),
            (ONE, "auto", BOTH, "float32"),
            (("float32", "bfloat16"), "auto", BOTH, "float32"),
            (BOTH, "float32", BOTH, "float32"),
            (BOTH, "bfloat16", BOTH, "bfloat16"),
            (ONE, "bfloat16", BOTH, "float32"),
        ],
    )
    def test_agrees(
        self,
        allowed: tuple[Precision, ...],
        preference: PrecisionPreference,
        offered: tuple[Precision, ...],
        expected: Precision,
    ) -> None:
        """The card's order decides in auto; a preference never overrules a card."""
        card = replace(number_card(), precisions=allowed)
        assert expected == choose_precision(card, preference, offered)

    def test_refuses_what_the_device_has_not(self) -> None:
        """A setting that cannot be met is an error at start, not a silent float32."""
        with pytest.raises(ValueError, match=r"'bfloat16' is not offered .* offers \['float32'\]"):
            choose_precision(number_card(), "bfloat16", ONE)

    def test_refuses_an_unknown_word(self) -> None:
        """The allowed words are quoted."""
        with pytest.raises(ValueError, match=r"must be one of .*auto.* got 'half'"):
            choose_precision(number_card(), "half", BOTH)  # type: ignore[arg-type]
