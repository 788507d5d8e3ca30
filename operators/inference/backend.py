"""The interface of a device: load, compile, warm up, run, close. No other code depends on which device it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from models.card import Card, Precision
from operators.inference.compute_mode import EnginePreference
from operators.inference.loaded_model import DeviceResult, LendsInputs, LoadedModel
from operators.inference.mode_limits import ModeLimits
from operators.inference.precision import PrecisionPreference

if TYPE_CHECKING:
    from torch import nn

    from operators.inference.graph_cache import GraphCache
    from operators.inference.mode_chooser import ModeChooser
    from operators.inference.neuron.artefacts import ArtefactStore
    from operators.inference.reference_inputs import ReferenceInputs
    from operators.inference.remote.server_options import ServerOptions

__all__ = ["Backend", "BackendConfig", "Build", "DeviceResult", "LendsInputs", "LoadedModel", "RunsOnHost"]

Build = Callable[[], "nn.Module"]
"""Creates a model's module in evaluation mode and float32, a new one at each call."""

OnRefusedBucket = Callable[[str, str], None]
"""Gets the model and the device."""


class RunsOnHost(Exception):
    """The device declines a model: it runs on the host's processor instead."""


def _ignore(_model: str, _device: str) -> None:
    """Count nothing."""


@dataclass(frozen=True, slots=True)
class BackendConfig:
    """Options of the composition root for a device; each backend uses those that apply to it."""

    num_threads: int = 1
    """Threads of one CPU operator."""
    precision: PrecisionPreference = "auto"
    cpu_bfloat16: bool = False
    """`CpuCapabilities.bfloat16`; the probe must have run, and its environment be set, before torch was imported."""
    cpu_note: str = "not probed"
    """`CpuCapabilities.note`, for logs and error messages."""
    engine: EnginePreference = "auto"
    """What runs models on a CPU; `auto`: every engine that is installed may be chosen."""
    limits: ModeLimits = field(default_factory=ModeLimits)
    """Modes that the operator permits on a CPU."""
    openvino_precisions: tuple[Precision, ...] = ()
    """Precisions that OpenVINO computes correctly here, see `openvino_probe`; empty if it is not installed."""
    device_index: int = 0
    """Index of the accelerator; one worker process uses one."""
    device_memory_bytes: int | None = None
    """Of the accelerator, for this process; None: nearly all of it."""
    graphs: GraphCache | None = None
    """Cache of compiled models; None if modules are not those of the registry."""
    chooser: ModeChooser | None = None
    """Measures how a model computes on a CPU; None: in torch, in the card's first precision that is offered."""
    artefacts: ArtefactStore | None = None
    """Programs for devices whose models are compiled in a step of their own; None if modules are not those of the
    registry."""
    server: ServerOptions | None = None
    """The server of models that do not run on this machine."""
    inputs: ReferenceInputs | None = None
    """Real inputs, for which a server's answers are compared with the module's; noise without them."""
    on_refused_bucket: OnRefusedBucket = _ignore
    """Called for each batch size of a model that a device may not run."""


class Backend(Protocol):
    """One device of this process."""

    @property
    def name(self) -> str:
        """Its name in `BACKENDS`, settings and metrics."""

    @property
    def num_submitters(self) -> int:
        """Threads that load and run models at the same time, at least 1; each gets models of its own from `load`."""

    def load(self, card: Card, build: Build) -> LoadedModel:
        """Load a model onto the device, in the precision that card, device and settings permit.

        The backend owns the module that `build` returns and may change it in place. `build` is called now, in `compile`
        or later, on the calling thread, and not at all if the backend does not need it.

        Raises:
            ModeUnavailable: the settings require an engine or a precision that this device does not have.
            DeviceFault: the device cannot load it.
            RunsOnHost: the device works, and may not run this model.
        """
