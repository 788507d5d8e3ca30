"""Preparation of a process before torch is imported."""

from __future__ import annotations

import os
import platform

from operators.inference.cpu_probe import CpuCapabilities, probe_cpu
from streams.config.settings import Settings
from streams.lifecycle.allocator import keep_freed_memory
from streams.lifecycle.private_cache import private_cache


def prepare_process(settings: Settings) -> CpuCapabilities:
    """Probe the CPU once per machine, and set the environment variables that torch reads when it is first used.

    The native thread pools are limited, too, and do not spin while they wait, because decoder processes need the cores.
    Memory that a batch frees stays for the next one.
    """
    capabilities = probe_cpu(private_cache(settings))
    os.environ.update(capabilities.environment)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for pool in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(pool, str(settings.torch_threads))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(settings.torch_threads if _torch_uses_openblas() else 1))
    keep_freed_memory()
    return capabilities


def _torch_uses_openblas() -> bool:
    """Return whether models compute with OpenBLAS; elsewhere only NumPy does, whose matrices here are small: its
    threads would spin for longer than they compute."""
    return platform.machine() not in ("x86_64", "AMD64")
