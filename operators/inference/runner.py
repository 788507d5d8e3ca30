"""One model on one device: opens it, runs batches, closes it. It makes no decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from models.card import Card, Precision
from operators.errors import DeviceFault, ModelFault, Overloaded, SourceUnavailable
from operators.inference.backend import Backend, DeviceResult, LendsInputs, LoadedModel, RunsOnHost
from operators.inference.batch_sizes import brief_sizes, worthwhile_sizes
from operators.inference.compute_mode import ComputeMode, Engine
from operators.inference.loaded_model import NO_TERMS, RequestTerms, ServerModel, ServerUsage

if TYPE_CHECKING:
    from torch import nn

    from operators.inference.operating_points import OperatingPoints

LoadModule = Callable[[Card], "nn.Module"]
"""Creates a model's module in eval mode and float32; called again for each new runner."""


_FEW_BYTES: Final = 2**16
"""An output of a whole batch up to this size is copied at once, and stays as long as a caller keeps its row; of larger
ones every row is copied, so that one row does not keep the others."""


class RowOutput(msgspec.Struct, frozen=True, eq=False):
    """A model's output for one row, and the row's share of the cost."""

    values: tuple[np.ndarray, ...]
    device_seconds: float
    usage: ServerUsage | None = None


class Runner:
    """Owns one model on one device; every method is called on the device's thread."""

    def __init__(
        self, card: Card, load_module: LoadModule, backend: Backend, points: OperatingPoints | None = None
    ) -> None:
        self.card = card
        self._points = points
        self._load_module = load_module
        self._backend = backend
        self._loaded: LoadedModel | None = None
        self._lender: LendsInputs | None = None
        self._server: ServerModel | None = None
        """The loaded model, if it is on a server."""
        self._served_as = ""
        self._supported_sizes: tuple[int, ...] = ()
        self._batch_sizes: tuple[int, ...] = ()
        self._brief_batch_sizes: tuple[int, ...] = ()
        self.device_seconds = 0.0
        """Of all successful runs."""

    @property
    def precision(self) -> Precision:
        """The precision of the open model."""
        if self._loaded is None:
            raise RuntimeError(f"runner of {self.card.name} is not open")
        return self._loaded.precision

    @property
    def engine(self) -> Engine:
        """The engine of the open model."""
        if self._loaded is None:
            raise RuntimeError(f"runner of {self.card.name} is not open")
        return self._loaded.engine

    @property
    def mode(self) -> str:
        """Engine and precision of the open model, in one word; measurements of one mode say nothing about another."""
        return str(ComputeMode(self.engine, self.precision))

    @property
    def served_as(self) -> str:
        """See `ServerModel.served_as`, as it was when the model was last open; empty for a model of this machine."""
        if self._server is not None:
            self._served_as = self._server.served_as
        return self._served_as

    @property
    def doubt(self) -> str:
        """See `ServerModel.doubt`; empty for a model of this machine."""
        return "" if self._server is None else self._server.doubt

    @property
    def supported_sizes(self) -> tuple[int, ...]:
        """All batch sizes that run on this device, ascending; known once open."""
        return self._supported_sizes

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The batch sizes that are efficient on this device, ascending; known once open."""
        return self._batch_sizes

    @property
    def brief_batch_sizes(self) -> tuple[int, ...]:
        """The batch sizes that occupy the device only briefly; known once open."""
        return self._brief_batch_sizes

    def open(self) -> None:
        """Load, compile and warm up.

        Raises:
            DeviceFault: the device cannot load the model, or the model cannot run on it any more in its batch sizes.
            ServerUnavailable, Overloaded: the model is on a server that does not answer, or has no room.
            RunsOnHost: the device declines the model; only before it was open for the first time.
        """
        loaded = self._load()
        try:
            loaded.compile()
            seconds_by_size = loaded.warm_up()
            self._require_sizes(seconds_by_size)
        except BaseException:
            loaded.close()
            raise
        self._loaded = loaded
        self._lender = loaded if isinstance(loaded, LendsInputs) else None
        self._server = loaded if isinstance(loaded, ServerModel) else None
        self._supported_sizes = tuple(sorted(seconds_by_size))
        # A new runner keeps the sizes of the first: the batcher has built its queue on them.
        self._batch_sizes = self._batch_sizes or self._efficient_sizes(seconds_by_size)
        self._brief_batch_sizes = self._brief_batch_sizes or brief_sizes(seconds_by_size, self._batch_sizes)

    def _load(self) -> LoadedModel:
        try:
            return self._backend.load(self.card, partial(self._load_module, self.card))
        except RunsOnHost as error:
            if not self._batch_sizes:
                raise
            # Its callers know it by this device: another one would change the fingerprints of signals.
            raise DeviceFault(f"{error}, and it had one before") from error

    def _require_sizes(self, seconds_by_size: Mapping[int, float]) -> None:
        """A new runner must serve what the batcher forms."""
        if not set(self._batch_sizes) <= set(seconds_by_size):
            raise DeviceFault(
                f"model {self.card.name} runs in batches of {sorted(seconds_by_size)}, not in {self._batch_sizes} any"
                " more"
            )

    def _efficient_sizes(self, seconds_by_size: Mapping[int, float]) -> tuple[int, ...]:
        """Return the sizes of the measured operating point; without one, an estimate from the warm-up."""
        found = None if self._points is None else self._points.sizes_of(self.card, self.mode, self._supported_sizes)
        return found or worthwhile_sizes(seconds_by_size)

    def run(
        self, rows: Sequence[np.ndarray], size: int, terms: RequestTerms = NO_TERMS
    ) -> list[RowOutput | ModelFault]:
        """Compute rows of one of the card's `item_shapes`, padded with zeros to `size`; a server gets no padding.

        Args:
            rows: of one shape.
            size: one of the batch sizes.
            terms: for a server.

        Returns:
            One entry per row: its output, or a fault if the model returned a number that is not finite.

        Raises:
            ModelFault: the model rejected the batch or returned a wrong shape; see also `ServerModel.ask`.
            DeviceFault: the device failed.
            ServerUnavailable, Overloaded: a server does not answer, or has no room.
        """
        if self._loaded is None:
            self.open()
        size = size if self._server is None else len(rows)
        result = self._answer(self._stack(rows, size), terms)
        self._check_shapes(result, size)
        self.device_seconds += result.device_seconds
        return self._split(result, len(rows))

    def probe(self) -> None:
        """Run the smallest batch of zeros, which a working device can always do; does nothing without an open model.

        Raises:
            ModelFault: the model rejected it, which says nothing about the device.
            DeviceFault: the device failed.
        """
        if self._loaded is not None:
            self._answer(self._stack((), min(self._batch_sizes)))

    def recheck(self) -> None:
        """See `ServerModel.recheck`; does nothing for a model of this machine."""
        if self._loaded is None:
            self.open()
        if self._server is not None:
            self._server.recheck()

    def renew(self) -> None:
        """Replace the loaded model by a new one.

        Raises:
            DeviceFault: the device cannot load it; the next `run` tries again.
        """
        self.close()
        self.open()

    def close(self) -> None:
        """Free the device; has no effect when nothing is open, and is safe on a device that does not respond any
        more."""
        loaded, self._loaded, self._lender, self._server = self._loaded, None, None, None
        if loaded is None:
            return
        try:
            loaded.close()
        except DeviceFault:
            return  # the relevant fault was raised by the previous run

    def _stack(self, rows: Sequence[np.ndarray], size: int) -> np.ndarray:
        item_shape = rows[0].shape if rows else self.card.input_shape
        batch = self._array((size, *item_shape))
        for slot, row in enumerate(rows):
            batch[slot] = row
        batch[len(rows) :] = 0
        return batch

    def _array(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return memory for a batch, that of the device if it has its own: it saves a copy."""
        if self._lender is not None:
            return self._lender.input_array(shape)
        return np.empty(shape, dtype=self.card.input_dtype)

    def _answer(self, batch: np.ndarray, terms: RequestTerms = NO_TERMS) -> DeviceResult:
        assert self._loaded is not None
        try:
            return self._loaded.run(batch) if self._server is None else self._server.ask(batch, terms)
        except (DeviceFault, SourceUnavailable, Overloaded):
            raise
        except Exception as error:
            # A forward pass may raise any error; it concerns this batch, and isolation finds the item. The cause is
            # passed with the fault to that item's caller.
            raise ModelFault(f"model {self.card.name} refused a batch: {error!r}") from error

    def _check_shapes(self, result: DeviceResult, size: int) -> None:
        shapes = [value.shape for value in result.values]
        if len(shapes) != len(self.card.outputs) or any(shape[:1] != (size,) for shape in shapes):
            raise ModelFault(
                f"model {self.card.name} answered {shapes} to {size} rows, expected ({size}, ...) for each of"
                f" {self.card.outputs}"
            )

    def _split(self, result: DeviceResult, num_rows: int) -> list[RowOutput | ModelFault]:
        seconds = result.device_seconds / num_rows
        columns = (_rows_of(value, num_rows) for value in result.values)
        usage = result.usage or (None,) * num_rows
        outputs: list[RowOutput | ModelFault] = [
            RowOutput(row, seconds, used) for row, used in zip(zip(*columns, strict=True), usage, strict=True)
        ]
        for number, fault in result.faults.items():
            outputs[number] = fault
        for number in _rows_not_finite(result.values, num_rows):
            outputs[number] = ModelFault(f"model {self.card.name} answered with a number that is not finite")
        return outputs


def _rows_of(values: np.ndarray, num_rows: int) -> list[np.ndarray]:
    """Return the rows of an output, independent of the engine's memory."""
    if values.nbytes <= _FEW_BYTES:
        copied = values[:num_rows].copy()
        return [copied[row, ...] for row in range(num_rows)]
    return [values[row, ...].copy() for row in range(num_rows)]


def _rows_not_finite(values: Sequence[np.ndarray], num_rows: int) -> list[int]:
    """Return the rows with a number that is not finite in any output."""
    return sorted(
        {
            int(row)
            for value in values
            if not (finite := np.isfinite(value[:num_rows])).all()  # the usual case costs no look at single rows
            for row in np.flatnonzero(~finite.reshape(num_rows, -1).all(axis=1))
        }
    )
