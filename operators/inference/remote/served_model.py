"""A model on a KServe server, as all threads share it: what it declares, whether it is the card's, and its requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.card import Card
from operators.errors import DeviceFault, ModelFault, ServerUnavailable
from operators.inference.loaded_model import NO_TERMS, DeviceResult, RequestTerms, ServerUsage
from operators.inference.precision_wrapper import warm_up_batch
from operators.inference.remote.faults import BatchFault, ModelMissing, RequestRefused
from operators.inference.remote.kserve_protocol import (
    InferAnswer,
    InferRequest,
    ModelSpec,
    TensorSpec,
    Transport,
    datatype_of,
)
from operators.inference.remote.reporting import reported
from operators.inference.remote.request_gate import RequestGate
from operators.inference.remote.request_time import request_seconds
from operators.inference.remote.server_options import ServerOptions

ALONE_ATTEMPTS: Final = 2
"""Another process may have sent the row at fault that shared the server's batch with the first attempt."""
TIMED_RUNS: Final = 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """Items of one shape, and the answers of the card's own module to them in float32."""

    rows: np.ndarray
    expected: Sequence[np.ndarray]


class ServedModel:
    """`open` asks what the server has and compares its answers; then the others may be called from any thread."""

    engine: Final = "kserve"

    def __init__(
        self, card: Card, options: ServerOptions, transport: Transport, comparisons: Sequence[Comparison]
    ) -> None:
        self._card = card
        self._options = options
        self._origin = options.endpoint.origin
        self._transport = transport
        self._comparisons = comparisons
        self._name = options.name_of(card.name)
        self._gate = RequestGate()
        self._lock = threading.Lock()
        self._checking = threading.Lock()
        self._seconds_by_size: dict[int, float] | None = None
        self._row_shapes = tuple(value.shape[1:] for value in comparisons[0].expected)
        self._is_batched = True
        self._version = ""
        self.doubt = ""
        """See `ServerModel.doubt`."""
        self.batch_sizes: tuple[int, ...] = ()
        """The card's sizes that the server takes in one request."""

    @property
    def served_as(self) -> str:
        """See `ServerModel.served_as`."""
        return f"{self._name}:{self._version}" if self._version else self._name

    def open(self) -> None:
        """Ask what the server has under the model's name, and compare it with the card, and its answers with those of
        the card's own module: it may have another model of this name, or be wrong in one batch size.

        Raises:
            DeviceFault: it takes or answers something else.
            ServerUnavailable, Overloaded: no answer.
        """
        self._options.watch.require(self._origin)
        self._open()

    def _open(self) -> None:
        spec = self._spec()
        if len(spec.inputs) != 1:
            raise self._unfit(f"it has {len(spec.inputs)} inputs", "one input")
        self._input = spec.inputs[0]
        self._is_batched = len(self._input.shape) == len(self._card.input_shape) + 1
        self._check_input()
        answered = {output.name for output in spec.outputs}
        if missing := [name for name in self._card.outputs if name not in answered]:
            raise self._unfit(f"its outputs are {sorted(answered)}", f"outputs named {missing}")
        sizes = self._sizes(spec)
        self._compare(sizes)
        self.batch_sizes = sizes

    def _spec(self) -> ModelSpec:
        """Such a request cannot be wrong: a refusal says that the server lacks the model, or cannot tell."""
        seconds = self._options.timeout_seconds
        with reported(self._options, seconds, is_failure_its_own=True):
            try:
                return self._transport.spec(self._name, seconds)
            except (RequestRefused, BatchFault) as error:
                raise ModelMissing(self._origin, str(error).removeprefix(self._origin).strip()) from error

    def _sizes(self, spec: ModelSpec) -> tuple[int, ...]:
        largest = (spec.max_batch_size or self._card.batch_sizes[-1]) if self._is_batched else 1
        sizes = tuple(size for size in self._card.batch_sizes if size <= largest)
        # What was opened before keeps its sizes: the batcher has built its queue on them.
        if not sizes or not set(self.batch_sizes) <= set(sizes):
            raise self._unfit(
                f"it takes {largest} rows at most", f"batches of {(*self.batch_sizes, self._card.batch_sizes[0])[-1]}"
            )
        return self.batch_sizes or sizes

    def _check_input(self) -> None:
        wanted, found = datatype_of(self._card.input_dtype), self._input
        shapes = [self._axes(1, shape) for shape in self._card.item_shapes]
        if found.datatype != wanted or not all(found.accepts(shape) for shape in shapes):
            raise self._unfit(f"its input is {found}", f"{wanted} {' and '.join(map(str, map(list, shapes)))}")

    def _axes(self, num_rows: int, item_shape: Sequence[int]) -> tuple[int, ...]:
        return (num_rows, *item_shape) if self._is_batched else tuple(item_shape)

    def _unfit(self, found: str, allowed: str) -> DeviceFault:
        return DeviceFault(
            f"model {self._card.name} cannot run as {self._name} on {self._origin}: {found}; its card needs {allowed}"
        )

    def _compare(self, sizes: Sequence[int]) -> None:
        versions = set[str]()
        for comparison in self._comparisons:
            for size in sorted({1, *sizes}):
                for start in range(0, len(comparison.rows), size):
                    places = [place % len(comparison.rows) for place in range(start, start + size)]
                    answer = self._judged(comparison.rows[places])
                    if (excess := self._excess(comparison, places, answer)) is not None:
                        raise self._unfit(
                            f"its answers to {size} rows differ from the module's, {excess}", "the same answers"
                        )
                    versions.add(answer.version)
        if len(versions) > 1:
            raise ServerUnavailable(self._origin, f"changed the version of {self._name} while it was compared")
        (self._version,) = versions

    def _judged(self, rows: np.ndarray) -> InferAnswer:
        """Return the answer to rows that the card's own module has answered."""
        try:
            return self._answer(rows, self._options.timeout_seconds, is_known_good=True)
        except BatchFault as error:
            raise ServerUnavailable(self._origin, f"fails with items that are known to be good: {error}") from error
        except RequestRefused as error:
            raise self._unfit(f"it refuses {len(rows)} rows ({error})", "an answer to them") from error

    def _excess(self, comparison: Comparison, places: Sequence[int], answer: InferAnswer) -> str | None:
        return self._card.excess_of([value[places] for value in comparison.expected], answer.arrays)

    def recheck(self) -> None:
        """See `ServerModel.recheck`: one item, and all of them if the model was replaced."""
        self._options.watch.require(self._origin)
        with self._checking:
            if self.doubt or not self._is_the_same():
                self._open()
                self.doubt = ""

    def _settle_doubt(self) -> None:
        with self._checking:
            if not self.doubt:
                return  # another thread was first
            try:
                self._open()
            except DeviceFault as error:
                # Not a fault of the items, and no reason to end a worker whose other models work.
                raise ServerUnavailable(self._origin, str(error)) from error
            self.doubt = ""

    def _is_the_same(self) -> bool:
        known = self._comparisons[0]
        try:
            answer = self._judged(known.rows[:1])
        except (ModelMissing, DeviceFault) as error:
            self.doubt = str(error)
            raise
        is_same = answer.version == self._version and self._excess(known, [0], answer) is None
        if not is_same:
            self.doubt = self._replaced_by(answer.version)
        return is_same

    def _replaced_by(self, version: str) -> str:
        return f"has {self._name}:{version or '?'} in place of {self.served_as}; it is compared before it is used"

    def warm_up(self) -> dict[int, float]:
        """Return the seconds of a request by its size; only the first thread measures them."""
        with self._lock:
            if self._seconds_by_size is None:
                self._seconds_by_size = {size: self._timed(size) for size in self.batch_sizes}
            return dict(self._seconds_by_size)

    def _timed(self, size: int) -> float:
        batch, seconds = warm_up_batch(self._card, size), []
        for _ in range(TIMED_RUNS):
            began = time.monotonic()
            self.ask(batch, NO_TERMS)
            seconds.append(time.monotonic() - began)
        return min(seconds)

    def ask(self, batch: np.ndarray, terms: RequestTerms) -> DeviceResult:
        """See `ServerModel.ask`."""
        began = time.monotonic()
        self._options.watch.require(self._origin)
        if self.doubt:
            self._settle_doubt()
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
        try:
            self._answer(self._comparisons[0].rows[:1], self._options.timeout_seconds, is_known_good=True)
        except BatchFault as error:
            raise ServerUnavailable(self._origin, f"fails with every item: {fault}") from error

    def _sent(self, batch: np.ndarray, seconds: float) -> tuple[np.ndarray, ...]:
        """Return the answers of the version that was compared."""
        try:
            answer = self._answer(batch, seconds)
        except ModelMissing as missing:
            self.doubt = missing.message
            raise
        if answer.version != self._version:
            self.doubt = self._replaced_by(answer.version)
            raise ServerUnavailable(self._origin, self.doubt)
        return answer.arrays

    def _answer(self, batch: np.ndarray, seconds: float, *, is_known_good: bool = False) -> InferAnswer:
        """Send a request, and tell the watch what came of it."""
        with reported(self._options, seconds, is_failure_its_own=is_known_good):
            answer = self._transport.infer(self._request(batch), seconds)
            return replace(answer, arrays=self._shaped(answer.arrays, len(batch)))

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
            raise ServerUnavailable(self._origin, f"answered {found} to {num_rows} rows, expected {shapes}") from error
