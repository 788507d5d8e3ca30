"""An operator permits engines and modes, for all models or for one; what a machine does not have is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.card import Card
from operators.inference.backend import BackendConfig
from operators.inference.backends.cpu import CpuBackend
from operators.inference.compute_mode import MODES, ComputeMode, ModeUnavailable
from operators.inference.mode_limits import ModeLimits
from tests.unit.operators.inference.fakes import number_card

PLAIN, REDUCED, OTHER, OTHER_REDUCED = MODES
BOTH = replace(number_card("both"), precisions=("bfloat16", "float32"))
FULL = replace(number_card("full"), precisions=("float32",))


def permitted(*words: str, card: Card = BOTH, offered: tuple[ComputeMode, ...] = MODES) -> tuple[ComputeMode, ...]:
    return ModeLimits.from_words(words).permitted(card, offered)


class TestPermitted:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ((), MODES),
            (("torch",), (PLAIN, REDUCED)),
            (("openvino",), (OTHER, OTHER_REDUCED)),
            (("openvino-bfloat16", "torch-float32"), (PLAIN, OTHER_REDUCED)),
            (("torch", "both=openvino-float32"), (OTHER,)),
            (("both=torch", "both=openvino-bfloat16"), (PLAIN, REDUCED, OTHER_REDUCED)),
            (("another=openvino-float32",), MODES),
        ],
    )
    def test_words(self, words: tuple[str, ...], expected: tuple[ComputeMode, ...]) -> None:
        """Engines stand for all their modes; what is said of one model replaces what is said of all."""
        assert permitted(*words) == expected

    def test_keeps_the_order_of_the_machine(self) -> None:
        """The first is what runs without a measurement."""
        assert permitted("torch", offered=(REDUCED, PLAIN)) == (REDUCED, PLAIN)

    def test_a_precision_that_the_card_excludes_is_float32(self) -> None:
        """As for the setting of the precision: the card says what a model tolerates."""
        assert permitted("torch-bfloat16", card=FULL, offered=(PLAIN, OTHER)) == (PLAIN,)

    @pytest.mark.parametrize("word", ["openvino", "both=openvino-bfloat16"])
    def test_refuses_what_the_machine_lacks(self, word: str) -> None:
        """Another mode would change fingerprints unseen; the message has both."""
        with pytest.raises(ModeUnavailable, match=r"model both may run in openvino.*offers torch-bfloat16, torch-fl"):
            permitted(word, offered=(PLAIN, REDUCED))


class TestWords:
    @pytest.mark.parametrize("word", ["", "tensorrt", "torch-int8", "=torch", "both=", "both", "Torch"])
    def test_refuses_others(self, word: str) -> None:
        """With what is allowed."""
        with pytest.raises(ValueError, match=r"is no engine or mode; allowed are torch, openvino, torch-float32"):
            ModeLimits.from_words([word])

    def test_refuses_unknown_models(self) -> None:
        """A misspelled name would limit nothing."""
        limits = ModeLimits.from_words(["bofh=torch"])
        with pytest.raises(ModeUnavailable, match=r"names the model 'bofh'; there are both, full"):
            limits.require_known(["both", "full"])
        ModeLimits.from_words(["both=torch", "openvino"]).require_known(["both"])


def test_backend_obeys() -> None:
    """The CPU backend offers a measurement only what is permitted, and needs none for a single mode."""
    limits = ModeLimits.from_words(["openvino-float32", "both=torch-bfloat16"])
    backend = CpuBackend(BackendConfig(cpu_bfloat16=True, openvino_precisions=("float32", "bfloat16"), limits=limits))
    modes = {card.name: backend.mode_question(card, lambda: pytest.fail("not needed")).modes for card in (BOTH, FULL)}
    assert modes == {"both": (REDUCED,), "full": (OTHER,)}
