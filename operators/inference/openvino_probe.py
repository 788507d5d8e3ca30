"""Tests whether the optional engine OpenVINO is installed, and which precisions it computes correctly on this CPU.

As `cpu_probe`, in a child process: OpenVINO has kernels of its own, obeys none of oneDNN's environment variables, and
ends the process if the CPU's flags list instructions that a hypervisor traps.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from models.card import Precision
from operators.inference.cpu_probe import cpu_facts
from operators.inference.graph_cache import digest_of, openvino_version
from operators.inference.private_cache import PrivateCache
from operators.inference.probe_answer import ask_child

CHILD_FILE: Final = Path(__file__).with_name("openvino_probe_child.py")
_PRECISIONS: Final[tuple[Precision, ...]] = ("float32", "bfloat16")

RunChild = Callable[[Precision], bool | None]
"""Whether a precision works; None if the child gave no answer, or none in time, or was ended from outside."""


def openvino_precisions(kept: PrivateCache, run_child: RunChild | None = None) -> tuple[Precision, ...]:
    """Return the precisions that OpenVINO computes correctly here; none if it is not installed.

    Args:
        kept: the cache of results.
        run_child: tries one precision in a separate process.
    """
    if not is_installed():
        return ()
    name = f"openvino-probe-{_digest()}"
    remembered = _remembered(kept.read(name))
    if remembered is not None:
        return remembered
    answers = {precision: (run_child or run_probe_child)(precision) for precision in _PRECISIONS}
    working = tuple(precision for precision, works in answers.items() if works)
    if None not in answers.values():
        kept.write(name, json.dumps(working).encode())
    return working


def is_installed() -> bool:
    """Return whether the package is there; it is not imported."""
    return find_spec("openvino") is not None


def run_probe_child(precision: Precision) -> bool | None:
    """Run `openvino_probe_child` and return its result."""
    answer = ask_child(CHILD_FILE, precision)
    return answer.content is not None if answer.conclusive else None


def _remembered(content: bytes | None) -> tuple[Precision, ...] | None:
    if content is None:
        return None
    try:
        found = json.loads(content)
    except ValueError:
        return None
    if not isinstance(found, list) or not set(map(str, found)) <= set(_PRECISIONS):
        return None
    return tuple(precision for precision in _PRECISIONS if precision in found)


def _digest() -> str:
    return digest_of((openvino_version(), *cpu_facts()))[:16]
