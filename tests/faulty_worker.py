"""A worker with planted faults, run as a process of its own: `python -m tests.faulty_worker`, settings as ever.

Where the media roots hold a file `device-may-be-lost`, pictures of one colour remove it and lose the device: from then
on every call fails, until the process ends.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from models.card import Card
from streams.config.settings import Settings, read_settings
from streams.worker.worker import run_worker
from tests.planted_faults import DEATH_COLOUR, NAN_COLOUR, Colour

if TYPE_CHECKING:
    from torch import Tensor, nn

    from streams.analysis.engine import EngineOptions

FAULTY_WORKER = (sys.executable, "-m", "tests.faulty_worker")
_FAULTY_DECODER = (sys.executable, "-m", "tests.faulty_decoder")
LOSS_MARK = "device-may-be-lost"
_FAULTY_MODEL = "opennsfw"
_COLOUR_TOLERANCE = 40.0


def faulty_options() -> EngineOptions:
    """The usual engine, but for a decoder, a model and a device with bugs."""
    from operators.inference.backend_registry import BACKENDS
    from streams.analysis.engine import EngineOptions
    from tests.losable_device import LosableCpu

    marks = [root / LOSS_MARK for root in read_settings().media_roots]
    BACKENDS["cpu"] = lambda config: LosableCpu(config, marks)

    return EngineOptions(decoder_command=_FAULTY_DECODER, load_module=load_faulty)


def load_faulty(card: Card, settings: Settings) -> nn.Module:
    """Build a batched model; one of them misbehaves."""
    from models.loaders import load_module

    module = load_module(card, settings.cache_dir)
    if card.name == _FAULTY_MODEL:
        module.forward = _misbehaving(module.forward)
    return module


def _misbehaving(forward: Callable[[Tensor], tuple[Tensor, ...]]) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Answer NaN to rows of one colour, die at those of another; `batch` is (N, H, W, 3) uint8 RGB."""
    import torch

    def answer(batch: Tensor) -> tuple[Tensor, ...]:
        if torch.jit.is_tracing():
            raise RuntimeError("a bug that looks at pixels cannot be traced")  # so the backend runs it untraced
        colours = batch.float().mean(dim=(1, 2))
        if _is_coloured(colours, DEATH_COLOUR).any():
            os.kill(os.getpid(), signal.SIGKILL)
        poisoned = _is_coloured(colours, NAN_COLOUR)
        return tuple(_with_nan(output, poisoned) for output in forward(batch))

    return answer


def _is_coloured(colours: Tensor, colour: Colour) -> Tensor:
    return ((colours - colours.new_tensor(colour)).abs() < _COLOUR_TOLERANCE).all(dim=1)


def _with_nan(output: Tensor, rows: Tensor) -> Tensor:
    output = output.clone()
    output[rows] = float("nan")
    return output


if __name__ == "__main__":
    sys.exit(run_worker(read_settings(), faulty_options))
