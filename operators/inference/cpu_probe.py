"""Tests, before torch is imported, whether this CPU computes bfloat16 correctly and faster than float32.

CPU flags are not reliable: under some hypervisors they list AMX, but AMX instructions trap, and the first convolution
kills the process. So a child process tries, and only its survival counts.

This file imports neither torch nor anything that does: an instruction set limit has to be in the environment before
oneDNN is used for the first time, so the worker's start-up probes, sets `CpuCapabilities.environment`, and only then
imports torch.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from operators.inference.private_cache import PrivateCache
from operators.inference.probe_answer import ask_child

PROBE_VERSION = 1
"""Raised when the probe changes, so that older results are ignored."""

CANDIDATES: tuple[Mapping[str, str], ...] = ({}, {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"})
"""Environments to try, the fastest first; after them only float32 is left."""

MIN_SPEEDUP = 1.1
"""Minimum ratio of the speeds of bfloat16 and float32 for which its rounding is acceptable."""

CHILD_FILE = Path(__file__).with_name("cpu_probe_child.py")


@dataclass(frozen=True, slots=True)
class CpuCapabilities:
    """Results of the probe."""

    bfloat16: bool
    """It does not crash, computes correct values, and is at least `MIN_SPEEDUP` times as fast as float32."""
    environment: dict[str, str] = field(default_factory=dict)
    """Variables that must be in the environment before torch is imported."""
    note: str = ""
    """One sentence per candidate, for the log."""


@dataclass(frozen=True, slots=True)
class ProbeTrial:
    """Result of one child."""

    speedup: float | None
    """float32 seconds over bfloat16 seconds; None if the child crashed or its values were wrong."""
    note: str
    conclusive: bool = True
    """False if another try could have a different result."""


RunChild = Callable[[Mapping[str, str]], ProbeTrial]


def probe_cpu(kept: PrivateCache, run_child: RunChild | None = None) -> CpuCapabilities:
    """Return what this CPU can do; the result is cached per CPU and torch version.

    Args:
        kept: the cache; without it the probe runs again at the next start.
        run_child: tries one environment in a separate process.
    """
    remembered = remembered_capabilities(kept)
    if remembered is not None:
        return remembered
    capabilities, conclusive = _try_candidates(run_child or run_probe_child)
    if conclusive:
        kept.write(_entry_name(), json.dumps(asdict(capabilities)).encode())
    return capabilities


def remembered_capabilities(kept: PrivateCache) -> CpuCapabilities | None:
    """Return the result of an earlier probe of this CPU; None without one."""
    content = kept.read(_entry_name())
    if content is None:
        return None
    try:
        answer = json.loads(content)
        found = CpuCapabilities(bool(answer["bfloat16"]), dict(answer["environment"]), str(answer["note"]))
    except (ValueError, KeyError, TypeError):
        return None
    # It goes into the environment of this process and its children, so it may contain only what the probe tries.
    return found if found.environment in ({}, *map(dict, CANDIDATES)) else None


def run_probe_child(environment: Mapping[str, str]) -> ProbeTrial:
    """Run `cpu_probe_child` in an environment and return its result."""
    answer = ask_child(CHILD_FILE, *(f"{name}={setting}" for name, setting in environment.items()))
    if answer.content is None:
        return ProbeTrial(None, answer.note, answer.conclusive)
    speedup = answer.content["float32_seconds"] / answer.content["bfloat16_seconds"]
    return ProbeTrial(speedup, f"bfloat16 is {speedup:.2f} times as fast as float32")


def _try_candidates(run_child: RunChild) -> tuple[CpuCapabilities, bool]:
    notes: list[str] = []
    conclusive = True
    for environment in CANDIDATES:
        trial = run_child(environment)
        notes.append(f"{_spell(environment)}: {trial.note}")
        conclusive = conclusive and trial.conclusive
        if trial.speedup is not None and trial.speedup >= MIN_SPEEDUP:
            return CpuCapabilities(True, dict(environment), "; ".join(notes)), True
    return CpuCapabilities(False, {}, "; ".join(notes)), conclusive


def _spell(environment: Mapping[str, str]) -> str:
    return " ".join(f"{name}={setting}" for name, setting in environment.items()) or "default instruction set"


def _entry_name() -> str:
    return f"cpu-probe-{_machine_digest()}"


def _machine_digest() -> str:
    facts = (str(PROBE_VERSION), version("torch"), platform.machine(), *cpu_facts())
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def cpu_facts() -> list[str]:
    """Return the first CPU's model and flags, if the system provides them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n", 1)[0].splitlines()
    except OSError:
        return [platform.processor()]
    kept = ("model name", "flags", "Features", "CPU part", "hypervisor")
    return [line for line in lines if line.startswith(kept)]
