"""The interface of one model on one device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np

from models.card import Precision
from operators.errors import ModelFault
from operators.inference.compute_mode import Engine


class ServerUsage(msgspec.Struct, frozen=True):
    """What one item cost on a model server."""

    host: str
    """Address of the server that got the item, `host:port`."""
    seconds: float
    """From request to answer, divided among the items of the request."""
    input_tokens: int = 0
    """Of a language model, as the server counts them; the same applies to the next field."""
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class DeviceResult:
    """Result of a device for one batch."""

    values: tuple[np.ndarray, ...]
    """float32 arrays (size, ...), one per name in the card's `outputs`, including padding rows."""
    device_seconds: float
    """Cost of the run; core seconds on a CPU, seconds of kernels on an accelerator, 0 where a server computed."""
    usage: tuple[ServerUsage, ...] = ()
    """One per row where a server computed."""
    faults: Mapping[int, ModelFault] = field(default_factory=dict)
    """By number: rows that have no result, whatever stands in `values`; the others have theirs."""


class LoadedModel(Protocol):
    """One model on one device. Every method is called on the device's thread, in the order of definition.

    All methods raise `DeviceFault` if the device, and not the batch, is at fault: `DeviceLost` if every later call is
    known to fail, too, and `DeviceFull` if it lacks memory. Other errors of `run` are attributed to the batch.
    """

    @property
    def precision(self) -> Precision:
        """The precision that the model computes in; part of a signal's fingerprint."""

    @property
    def engine(self) -> Engine:
        """What runs its graph; part of a signal's fingerprint, too."""

    def compile(self) -> None:
        """Optimise the model for this device without changing its outputs; never fails because an optimisation is
        impossible."""

    def warm_up(self) -> dict[int, float]:
        """Run the card's batch sizes, so that few callers pay for first runs, and larger ones that suit the device.

        Returns:
            Device seconds of one batch by its size, the least of several runs.
        """

    def run(self, batch: np.ndarray) -> DeviceResult:
        """Compute one batch `(size, *item)` of the card's dtype: a size of `warm_up`, and one of its `item_shapes`."""

    def close(self) -> None:
        """Free the model's memory on the device; may be called twice."""


@runtime_checkable
class LendsInputs(Protocol):
    """A loaded model with memory of its own for batches, from which its device copies."""

    def input_array(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return the memory of the next batch, to be filled and given to `run`; the same for each batch of a shape."""


@dataclass(frozen=True, slots=True)
class RequestTerms:
    """What the callers of a batch expect of a request to a server."""

    seconds_left: float = math.inf
    """Until the latest deadline of the items; not positive if all have passed."""
    is_alone: bool = False
    """Whether the server failed with this row among others: nothing else of this process may be in flight."""


NO_TERMS = RequestTerms()


@runtime_checkable
class ServerModel(LoadedModel, Protocol):
    """A model on a server. It takes any number of rows up to the largest batch size, so batches are not padded.

    Opening it, too, may raise `ServerUnavailable` and `Overloaded`.
    """

    @property
    def served_as(self) -> str:
        """What the server computes with: the model's name there, and its version if the server states one; part of a
        signal's fingerprint."""

    @property
    def doubt(self) -> str:
        """Why the server is compared again before it computes anything, such as another version of the model; empty if
        it is not."""

    def ask(self, batch: np.ndarray, terms: RequestTerms) -> DeviceResult:
        """Compute one batch, as `run`.

        Raises:
            RequestRefused: the server does not accept such a request; no row is sent again.
            BatchFault: the server failed with this batch; one of its rows may be the cause.
            ModelFault: the row that was sent alone makes the server fail.
            ServerUnavailable: no answer within the time, no server, or one with another model.
            Overloaded: the server has no room now.
        """

    def recheck(self) -> None:
        """Ask whether the server is there and has the model that was opened; a new version is opened in its place.

        Raises:
            ServerUnavailable, Overloaded: no answer.
            DeviceFault: the server has another model under this name.
        """
