"""One model at a time in all modes of a process, warm between the rounds."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from models.card_files import verify_card
from models.card_registry import CARDS
from models.loaders import load_module
from operators.inference.backends.cpu import CpuBackend
from operators.inference.cpu_probe import CpuCapabilities
from operators.inference.mode_limits import ModeLimits
from operators.inference.mode_trials import OpenedModes, open_modes
from operators.inference.reference_inputs import FILE_NAME, ReferenceInputs
from streams.analysis.backend_config import backend_config
from streams.config.settings import Settings
from streams.lifecycle.private_cache import private_cache


class ModelTurns:
    """Opens a model in place of the one before, and times it.

    Args:
        settings: of the process.
        capabilities: of the processor.
        is_limited: whether oneDNN is; OpenVINO takes part in float32 only then, because it obeys no limit.
    """

    def __init__(self, settings: Settings, capabilities: CpuCapabilities, *, is_limited: bool) -> None:
        config = backend_config(settings, capabilities, private_cache(settings))
        offered = ("float32",) if is_limited and config.openvino_precisions else config.openvino_precisions
        self._backend = CpuBackend(
            replace(config, chooser=None, precision="auto", limits=ModeLimits(), openvino_precisions=offered)
        )
        self._inputs = ReferenceInputs(settings.cache_dir / FILE_NAME)
        self._settings = settings
        self._opening = ExitStack()
        self._opened: OpenedModes | None = None

    def open(self, model: str) -> dict[str, Any]:
        """Open a model in every mode; return those within the tolerance, and the others with the reason."""
        self.close()
        card = CARDS[model]
        verify_card(card, self._settings.cache_dir)
        question = self._backend.mode_question(card, partial(load_module, card, self._settings.cache_dir))
        inputs = self._inputs.of(card)
        self._opened = open_modes(card, inputs, question.modes, question.open_model, self._opening)
        return {
            "unmeasured": str(question.modes[0]),
            "usable": [str(mode) for mode in self._opened.usable],
            "unusable": {str(trial.mode): trial.note for trial in self._opened.unusable},
            "num_inputs": len(inputs),
        }

    def run_round(self, is_reversed: bool) -> dict[str, Any]:
        """Return the CPU seconds of an item in each usable mode."""
        assert self._opened is not None, "no model is open"
        seconds = self._opened.run_round(is_reversed=is_reversed)
        return {"seconds": {str(mode): each for mode, each in seconds.items()}}

    def close(self) -> None:
        """Close the model that is open."""
        self._opened = None
        self._opening.close()
