"""The options of a device by the settings of a worker."""

from __future__ import annotations

from operators.inference.backend import BackendConfig
from operators.inference.backend_registry import best_backend_name
from operators.inference.cpu_probe import CpuCapabilities
from operators.inference.graph_cache import GraphCache
from operators.inference.mode_chooser import ModeChooser
from operators.inference.mode_limits import ModeLimits
from operators.inference.neuron.artefacts import MAX_STORE_BYTES, ArtefactStore
from operators.inference.openvino_probe import openvino_precisions
from operators.inference.private_cache import PrivateCache
from operators.inference.reference_inputs import FILE_NAME, ReferenceInputs
from streams.analysis.observers import count_refused_bucket
from streams.config.settings import Settings
from streams.lifecycle.private_cache import private_cache


def device_of(settings: Settings) -> str:
    """Return the name of the backend on which a worker runs its models."""
    return best_backend_name() if settings.device == "auto" else settings.device


def backend_config(settings: Settings, capabilities: CpuCapabilities, kept: PrivateCache | None) -> BackendConfig:
    """Return the options; probes OpenVINO once per machine if it is installed, in some seconds.

    Args:
        settings: of the worker.
        capabilities: of the CPU.
        kept: cache of what was compiled and measured; None if modules are not those of the registry.
    """
    return BackendConfig(
        num_threads=settings.torch_threads,
        precision=settings.precision,
        cpu_bfloat16=capabilities.bfloat16,
        cpu_note=capabilities.note,
        limits=ModeLimits.from_words(settings.engines),
        openvino_precisions=() if kept is None else openvino_precisions(kept),
        graphs=None if kept is None else GraphCache(kept),
        artefacts=None if kept is None else neuron_programs(settings),
        on_refused_bucket=count_refused_bucket,
        device_memory_bytes=settings.device_memory_bytes,
        chooser=None if kept is None else _chooser(settings, kept),
    )


def _chooser(settings: Settings, kept: PrivateCache) -> ModeChooser:
    inputs = ReferenceInputs(settings.cache_dir / FILE_NAME)
    return ModeChooser(kept, inputs, may_measure=settings.measure_at_start)


def neuron_programs(settings: Settings) -> ArtefactStore:
    """Return the programs that `vidsignal models compile` stored for Neuron devices; nothing is created on disk yet."""
    folder = settings.neuron_dir or private_cache(settings).folder / "neuron"
    return ArtefactStore(PrivateCache(folder, MAX_STORE_BYTES))
