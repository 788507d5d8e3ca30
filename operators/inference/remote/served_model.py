"""A model on a KServe server, as all threads share it: what it declares, whether it is the card's, and its requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from models.card import Card
from operators.errors import DeviceFault, ModelFault, ServerUnavailable
from operators.inference.loaded_model import DeviceResult, RequestTerms, ServerUsage
from operators.inference.remote.faults import BatchFault
from operators.inference.remote.kserve_protocol import InferRequest, TensorSpec, Transport, datatype_of
from operators.inference.remote.reporting import reported
from operators.inference.remote.request_gate import RequestGate
from operators.inference.remote.request_time import request_seconds
from operators.inference.remote.server_options import ServerOptions

ALONE_ATTEMPTS: Final = 2
"""Another process may have sent the row at fault that shared the server's batch with the first attempt."""


class ServedModel:
    """`open` asks what the server has, `admit` compares answers; then `ask` may be called from any thread."""

    def __init__(self, card: Card, options: ServerOptions, transport: Transport) -> None:
        self._card = card
        self._options = options
        self._transport = transport
        self._name = options.name_of(card.name)
        self._gate = RequestGate()
        self._lock = threading.Lock()
        self._seconds_by_size: dict[int, float] | None = None
        self._row_shapes: tuple[tuple[int, ...], ...] = ()
        self._known_good: np.ndarray | None = None
        self._is_batched = True
        self.batch_sizes: tuple[int, ...] = ()
        """The card's sizes that the server takes in one request."""

    def open(self) -> None:
        """Ask what the server has under the model's name, and compare it with the card.

        Raises:
            DeviceFault: it takes or answers something else.
            ServerUnavailable, Overloaded: no answer.
        """
        spec = self._transport.spec(self._name, self._options.timeout_seconds)
        if len(spec.inputs) != 1:
            raise self._unfit(f"it has {len(spec.inputs)} inputs", "one input")
        self._input = spec.inputs[0]
        self._is_batched = len(self._input.shape) == len(self._card.input_shape) + 1
        self._check_input()
        answered = {output.name for output in spec.outputs}
        if missing := [name for name in self._card.outputs if name not in answered]:
            raise self._unfit(f"its outputs are {sorted(answered)}", f"outputs named {missing}")
        largest = (spec.max_batch_size or self._card.batch_sizes[-1]) if self._is_batched else 1
        self.batch_sizes = tuple(size for size in self._card.batch_sizes if size <= largest)
        if not self.batch_sizes:
            raise self._unfit(f"it takes {largest} rows at most", f"batches of {self._card.batch_sizes[0]}")

    def _check_input(self) -> None:
        wanted, found = datatype_of(self._card.input_dtype), self._input
        shapes = [self._axes(1, shape) for shape in self._card.item_shapes]
        if found.datatype != wanted or not all(found.accepts(shape) for shape in shapes):
            raise self._unfit(f"its input is {found}", f"{wanted} {' and '.join(map(str, map(list, shapes)))}")

    def _axes(self, num_rows: int, item_shape: Sequence[int]) -> tuple[int, ...]:
        return (num_rows, *item_shape) if self._is_batched else tuple(item_shape)

    def _unfit(self, found: str, allowed: str) -> DeviceFault:
        return DeviceFault(
            f"model {self._card.name} cannot run as {self._name} on {self._options.endpoint.origin}: {found}; its card"
            f" needs {allowed}"
        )

    def admit(self, rows: np.ndarray, expected: Sequence[np.ndarray]) -> None:
        """Compare the server's answers with those of the card's own module, row by row and in every batch size: it may
        have another model of this name, or be wrong in one size.

        Args:
            rows: items of one shape.
            expected: the module's answers to them in float32.

        Raises:
            DeviceFault: they differ by more than the card tolerates.
            ServerUnavailable, Overloaded: no answer.
        """
        self._row_shapes = tuple(value.shape[1:] for value in expected)
        for size in sorted({1, *self.batch_sizes}):
            for start in range(0, len(rows), size):
                places = [place % len(rows) for place in range(start, start + size)]
                found = self._sent(rows[places], self._options.timeout_seconds)
                excess = self._card.excess_of([value[places] for value in expected], found)
                if excess is not None:
                    raise self._unfit(
                        f"its answers to {size} rows differ from the module's, {excess}", "the same answers"
                    )
        self._known_good = rows[:1]

    def timed(self, time_size: Callable[[int], float]) -> dict[int, float]:
        """Return the seconds of a request by its size; only the first thread measures them."""
        with self._lock:
            if self._seconds_by_size is None:
                self._seconds_by_size = {size: time_size(size) for size in self.batch_sizes}
            return dict(self._seconds_by_size)

    def ask(self, batch: np.ndarray, terms: RequestTerms) -> DeviceResult:
        """See `ServerModel.ask`."""
        origin, began = self._options.endpoint.origin, time.monotonic()
        self._options.watch.require(origin)
        values = self._alone(batch, terms) if terms.is_alone else self._together(batch, terms)
        usage = ServerUsage(self._options.endpoint.address, (time.monotonic() - began) / len(batch))
        return DeviceResult(values, device_seconds=0.0, usage=(usage,) * len(batch))

    def _together(self, batch: np.ndarray, terms: RequestTerms) -> tuple[np.ndarray, ...]:
        with self._gate.together():
            return self._sent(batch, request_seconds(terms, self._options.timeout_seconds))

    def _alone(self, batch: np.ndarray, terms: RequestTerms) -> tuple[np.ndarray, ...]:
        fault: ModelFault | None = None
        with self._gate.alone():
            for _ in range(ALONE_ATTEMPTS):
                try:
                    return self._sent(batch, request_seconds(terms, self._options.timeout_seconds))
                except BatchFault as error:
                    fault = error
            self._require_working(fault)
        raise ModelFault(f"model {self._card.name} fails with this item alone: {fault}")

    def _require_working(self, fault: ModelFault | None) -> None:
        """Raise ServerUnavailable if the server fails with an item that it has answered before."""
        if self._known_good is None:
            return
        try:
            self._sent(self._known_good, self._options.timeout_seconds, is_known_good=True)
        except BatchFault as error:
            raise ServerUnavailable(self._options.endpoint.origin, f"fails with every item: {fault}") from error

    def _sent(self, batch: np.ndarray, seconds: float, *, is_known_good: bool = False) -> tuple[np.ndarray, ...]:
        """Send a request, and tell the watch what came of it."""
        with reported(self._options, seconds, is_failure_its_own=is_known_good):
            return self._shaped(self._transport.infer(self._request(batch), seconds), len(batch))

    def _request(self, batch: np.ndarray) -> InferRequest:
        spec: TensorSpec = self._input
        return InferRequest(self._name, spec, batch if self._is_batched else batch[0], self._card.outputs)

    def _shaped(self, answers: Sequence[np.ndarray], num_rows: int) -> tuple[np.ndarray, ...]:
        """Return answers in the shapes of the module: some servers have no rows that are single numbers."""
        shapes = [(num_rows, *shape) for shape in self._row_shapes]
        try:
            if self._is_batched and any(len(answer) != num_rows for answer in answers):
                raise ValueError("another number of rows")
            return tuple(answer.reshape(shape) for answer, shape in zip(answers, shapes, strict=True))
        except (ValueError, TypeError) as error:
            found = [answer.shape for answer in answers]
            raise ServerUnavailable(
                self._options.endpoint.origin, f"answered {found} to {num_rows} rows, expected {shapes}"
            ) from error
