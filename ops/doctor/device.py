"""The device: which backend a worker uses, and whether it computes bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from operators.inference.cpu_probe import CpuCapabilities, remembered_capabilities
from ops.doctor.check_context import CheckContext
from ops.doctor.finding import Finding, not_checked, ok, warning, wrong
from ops.doctor.probe_process import ProbeFailed, ask_process
from streams.config.settings import Settings
from streams.lifecycle.private_cache import private_cache

Ask = Callable[[str], Any]


def examine(context: CheckContext, ask: Ask = ask_process) -> Iterator[Finding]:
    """Backend and precision."""
    settings = context.settings
    try:
        found = ask("ops.doctor.device_process")
    except ProbeFailed as error:
        yield _unusable(error)
        return
    backend = found["best"] if settings.device == "auto" else settings.device
    yield _backend(settings, found, backend)
    if backend == "cpu":
        yield _cpu_precision(settings, remembered_capabilities(private_cache(settings)))
    else:
        yield _precision(settings, bool(found.get(f"has_{backend}_bfloat16")))


def _unusable(error: ProbeFailed) -> Finding:
    if "no answer" in str(error):
        return not_checked("backend", f"torch gave {error}; the machine may be busy")
    return wrong(
        "backend",
        f"torch does not start: {error}",
        means="the media role cannot run here",
        do="install what constraints.txt pins: make setup",
    )


def _backend(settings: Settings, found: dict[str, Any], backend: str) -> Finding:
    devices = ", ".join(found["cuda_devices"])
    chosen = f"{backend}{' by auto' if settings.device == 'auto' else ''}, torch {found['torch']}"
    if backend == "cuda" and not found["cuda_devices"]:
        return wrong(
            "backend",
            "VIDSIGNAL_DEVICE is cuda, and torch finds no such device",
            means="a worker ends at its start with a device fault",
            do="look at nvidia-smi and the driver, or set VIDSIGNAL_DEVICE=auto",
        )
    if backend == "neuron" and not found.get("has_neuron"):
        return wrong(
            "backend",
            "VIDSIGNAL_DEVICE is neuron, and there is no such device, or no package torch-neuronx",
            means="a worker ends at its start with a device fault",
            do="look at the driver and its /dev/neuron0, or set VIDSIGNAL_DEVICE=auto",
        )
    if backend == "cpu" and found["cuda_devices"]:
        return warning(
            "backend",
            f"{chosen}, although there is {devices}",
            means="the accelerator stays idle",
            do="set VIDSIGNAL_DEVICE=auto",
        )
    return ok("backend", f"{chosen}{f': {devices}' if backend == 'cuda' else ''}")


def _cpu_precision(settings: Settings, remembered: CpuCapabilities | None) -> Finding:
    if remembered is None:
        return not_checked(
            "precision", "the processor was not probed yet; the first start of a worker does, in some seconds"
        )
    finding = _precision(settings, remembered.bfloat16)
    return Finding(finding.subject, finding.state, f"{finding.found} ({remembered.note})", finding.means, finding.do)


def _precision(settings: Settings, has_bfloat16: bool) -> Finding:
    if has_bfloat16:
        return ok("precision", "bfloat16 works")
    if settings.precision == "bfloat16":
        return wrong(
            "precision",
            "VIDSIGNAL_PRECISION is bfloat16, which this device does not compute, or not faster than float32",
            means="a worker ends at its start",
            do="set VIDSIGNAL_PRECISION=auto",
        )
    return ok("precision", "float32: bfloat16 is of no use here")
