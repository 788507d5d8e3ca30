"""The packages that compile and run programs for Neuron devices; imports none of them before it must.

The public index has placeholders under these names. The real ones come from the vendor's own index.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

DEVICE_FILES: Final = Path("/dev")
"""Where the driver puts a file `neuron0` for the first device."""
VISIBLE_CORES: Final = "NEURON_RT_VISIBLE_CORES"
NUM_CORES: Final = "NEURON_RT_NUM_CORES"
PACKAGES: Final = ("torch", "torch-neuronx", "neuronx-cc")
"""Their versions determine a program."""


class NoToolchain(Exception):
    """A package of the vendor is missing, or the environment does not say which cores this process has."""


def toolchain_versions() -> tuple[str, ...]:
    """Return the versions of `PACKAGES`.

    Raises:
        NoToolchain: one is not installed.
    """
    try:
        return tuple(f"{name}=={version(name)}" for name in PACKAGES)
    except PackageNotFoundError as error:
        raise NoToolchain(f"package {error.name} is not installed; it comes from the vendor's own index") from error


def torch_neuronx() -> Any:
    """Return the module; importing it teaches `torch.jit.load` to load programs.

    Raises:
        NoToolchain: it is not installed.
    """
    try:
        return importlib.import_module("torch_neuronx")
    except ImportError as error:
        raise NoToolchain(f"package torch-neuronx cannot be imported: {error}") from error


def cores_context(core: int) -> AbstractContextManager[None]:
    """Return the context within which programs are loaded onto one core of this process; not thread-safe."""
    package = torch_neuronx()
    if not hasattr(package, "neuron_cores_context"):  # in some releases it is known as an experiment alone
        package = importlib.import_module("torch_neuronx.experimental.placement")
    context: AbstractContextManager[None] = package.neuron_cores_context(start_nc=core, nc_count=1)
    return context


def has_device() -> bool:
    """Return whether this machine has such a device, and the package that uses it."""
    return (DEVICE_FILES / "neuron0").exists() and find_spec("torch_neuronx") is not None


def num_visible_cores(environment: Mapping[str, str]) -> int:
    """Return how many cores this process uses, by the variables of the vendor's runtime.

    Raises:
        NoToolchain: neither is set, or one has another form. Without them a process takes all cores of the machine.
    """
    try:
        if environment.get(VISIBLE_CORES):
            return len(_cores(environment[VISIBLE_CORES]))
        if int(environment.get(NUM_CORES, "0")) > 0:
            return int(environment[NUM_CORES])
    except ValueError as error:
        raise NoToolchain(f"{VISIBLE_CORES} and {NUM_CORES}: {error}; allowed: 0-1 or 0,3, and a number") from error
    raise NoToolchain(
        f"{VISIBLE_CORES} and {NUM_CORES} are not set; allowed: the cores of this worker, such as 0-1, so that it takes"
        " no others"
    )


def _cores(text: str) -> set[int]:
    cores: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        cores.update(range(int(first), int(last if dash else first) + 1))
    if not cores:
        raise ValueError(f"{text!r} names no core")
    return cores
