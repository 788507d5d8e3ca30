"""A machine with an Inferentia2 for tests: the stand-in of `tests/support/neuron_standin` and a driver of its own."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import torch

STANDIN: Final = Path(__file__).with_name("neuron_standin")
PLAN_FILE: Final = "plan.json"


@dataclass(frozen=True)
class NeuronMachine:
    """The driver's folder."""

    driver: Path

    @property
    def runtime(self) -> Any:
        """The runtime of this process; see `torch_neuronx.runtime.Runtime`."""
        importlib.import_module("torch_neuronx")  # as a whole: its modules import each other
        return sys.modules["torch_neuronx.runtime"].RUNTIME

    @contextmanager
    def planned(self, **plan: Any) -> Iterator[None]:
        """What is to go wrong within; see `torch_neuronx.rules.Plan`."""
        path = self.driver / PLAN_FILE
        path.write_text(json.dumps(plan))
        try:
            yield
        finally:
            path.unlink()


def environment_of(driver: Path, cores: str = "0") -> dict[str, str]:
    """The environment of a process on this machine."""
    paths = [str(STANDIN), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "NEURON_STANDIN_DRIVER": str(driver),
        "NEURON_RT_VISIBLE_CORES": cores,
        "PYTHONPATH": os.pathsep.join(paths),
    }


@contextmanager
def neuron_machine(driver: Path, cores: str = "0") -> Iterator[NeuronMachine]:
    """Let this process be on such a machine, with some of its cores."""
    before = torch.jit.load
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of(driver, cores).items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(STANDIN))
        _forget_standin()
        try:
            yield NeuronMachine(driver)
        finally:
            torch.jit.load = before
            _end_runtime()


def _end_runtime() -> None:
    """Do what the end of the process does: its cores are free again."""
    if "torch_neuronx.runtime" in sys.modules:
        module = sys.modules["torch_neuronx.runtime"]
        module.RUNTIME._forget_locks()
        module._library._destroy()
    _forget_standin()


def _forget_standin() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch_neuronx"]:
        del sys.modules[name]
