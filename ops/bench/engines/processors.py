"""Processors that a benchmark compares: this one, and what it would be with fewer instructions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

THIS: Final = "this processor"
ISA_VARIABLE: Final = "ONEDNN_MAX_CPU_ISA"
WITH_AMX, WITHOUT_AMX = 3.0, 1.2
"""Least gains over the models of the sample mix."""


@dataclass(frozen=True, slots=True)
class Processor:
    """An instruction set to which oneDNN, and with it torch, is limited in a process."""

    name: str
    max_isa: str = ""
    """Empty: not limited."""
    least_gain: float | None = None
    """How many times faster than in torch and float32 the chosen modes have to be; None: not stated."""


def processors(flags: Sequence[str]) -> tuple[Processor, ...]:
    """Return this processor, then poorer ones.

    Args:
        flags: of the processor, as the kernel lists them.
    """
    has_amx = "amx_bf16" in flags
    found = [Processor(THIS, least_gain=WITH_AMX if has_amx else WITHOUT_AMX)]
    if has_amx:
        found.append(Processor("without AMX", "AVX512_CORE_BF16", WITHOUT_AMX))
    if "avx512_bf16" in flags:
        found.append(Processor("without bfloat16 instructions", "AVX512_CORE"))
    return tuple(found)
