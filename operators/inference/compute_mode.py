"""How a model computes: the engine that runs its graph, and the precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from models.card import Precision

Engine = Literal["torch", "openvino", "neuron", "ctranslate2", "kserve", "openai"]
"""What runs a model's graph: torch, an optional engine of the CPU, programs of a device's own compiler, CTranslate2 for
speech on an accelerator, or a server."""
EnginePreference = Literal["auto", "torch", "openvino"]


class ModeUnavailable(ValueError):
    """The settings leave a model no way to compute that this machine has; they have to be changed."""


@dataclass(frozen=True, slots=True)
class ComputeMode:
    """An engine in a precision."""

    engine: Engine
    precision: Precision

    def __str__(self) -> str:
        return f"{self.engine}-{self.precision}"


REFERENCE_MODE: Final = ComputeMode("torch", "float32")
"""Its answers are those that the others are compared with."""

MODES: Final = (
    REFERENCE_MODE,
    ComputeMode("torch", "bfloat16"),
    ComputeMode("openvino", "float32"),
    ComputeMode("openvino", "bfloat16"),
)
"""All of a CPU, in the order of preference between modes that are about equally fast: full precision before reduced,
and the engine that is always installed before the optional one."""
