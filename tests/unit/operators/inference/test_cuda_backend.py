"""The CUDA backend over a stand-in that enforces the device's rules."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.card import Card
from operators.errors import DeviceFault, DeviceFull, DeviceLost
from operators.inference.backend import BackendConfig, RunsOnHost
from operators.inference.backend_registry import open_backend
from operators.inference.backends.cuda import SUBMITTERS, CudaBackend, CudaModel
from operators.inference.cuda.runtime import TorchCuda
from operators.inference.inference import Inference
from operators.inference.precision_wrapper import warm_up_batch
from operators.inference.runner import Runner
from tests.support import cuda_standin
from tests.support.cuda_standin import StandInCuda
from tests.support.float32_settings import SETTINGS, restored_float32  # noqa: F401  used by each test
from tests.unit.operators.inference.fakes import CountingObserver, context, number, number_card, queued

ILLEGAL_ADDRESS, INVALID_VALUE = 700, 1


class Doubler(nn.Module):
    """Numbers to their doubles, and to a row of squares."""

    def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
        return 2.0 * numbers[:, 0], torch.cat([numbers, numbers * numbers], dim=1).float()


class Looking(nn.Module):
    """Cannot be captured: the host looks at each batch, and does not bear the number 13."""

    def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
        if 13 in numbers[:, 0].tolist():
            raise ValueError("cannot bear 13")
        return Doubler()(numbers)  # type: ignore[no-any-return]


CARD = replace(number_card(), outputs=("doubled", "powers"), batch_sizes=(1, 4))


def doubled(values: list[int]) -> list[list[float]]:
    return [[2.0 * value for value in values], [[float(value), float(value) ** 2] for value in values]]  # type: ignore[list-item]


def batch_of(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)[:, np.newaxis]


def answers(model: CudaModel, *values: int) -> list[Any]:
    return [output.tolist() for output in model.run(batch_of(*values)).values]


def loaded(
    device: StandInCuda, card: Card = CARD, module: type[nn.Module] = Doubler, config: BackendConfig | None = None
) -> CudaModel:
    return CudaBackend(config or BackendConfig(), device).load(card, module)


async def opened(device: StandInCuda, *cards: Card, observer: CountingObserver | None = None) -> Inference:
    backend = CudaBackend(BackendConfig(), device)
    return await Inference.open(cards or (CARD,), lambda _card: Doubler(), backend, observer=observer)


def on_threads(device: StandInCuda, batches: list[list[int]]) -> list[list[Any]]:
    """Run each batch on a thread of its own, all in flight at once."""
    backend = CudaBackend(BackendConfig(), device)

    def begin() -> None:
        for lane in device.lanes:
            lane.busy_seconds, lane.seconds = 0.0, device.host_seconds
        device.began_seconds = device.host_seconds
        device.expect_in_flight(len(batches))

    all_loaded = threading.Barrier(len(batches), action=begin)

    def serve(batch: list[int]) -> list[Any]:
        model = backend.load(CARD, Doubler)
        all_loaded.wait(30)
        return answers(model, *batch)

    with ThreadPoolExecutor(len(batches)) as threads:
        return list(threads.map(serve, batches))


def test_float32_is_float32() -> None:
    """Fingerprints say float32: neither convolutions nor products may be computed in TF32, also if a library changed
    it after the backend was opened."""
    backend = CudaBackend(BackendConfig(), StandInCuda())
    for setting in SETTINGS:
        setting.fp32_precision = "tf32"
    backend.load(CARD, Doubler)
    assert [setting.fp32_precision for setting in SETTINGS] == ["ieee"] * len(SETTINGS)


def test_no_device() -> None:
    """Without the device, a load says what was looked for."""
    if not torch.cuda.is_available():
        with pytest.raises(DeviceFault, match="no CUDA device 0, found 0"):
            open_backend("cuda", BackendConfig()).load(CARD, Doubler)


class TestBatchesInFlight:
    BATCHES = ([1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12])

    @pytest.mark.parametrize("seed", range(8))
    def test_each_gets_its_own_answer(self, seed: int) -> None:
        """In whatever order the device's streams run."""
        batches = [list(batch) for batch in self.BATCHES]
        assert on_threads(StandInCuda(seed), batches) == [doubled(batch) for batch in batches]

    def test_a_missing_wait_would_be_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The stand-in answers wrongly for some order if a stream does not wait for another one."""
        monkeypatch.setattr(cuda_standin.Lane, "wait_event", lambda lane, event: None)
        batches = [list(batch) for batch in self.BATCHES]
        wrong = 0
        for seed in range(8):
            try:
                wrong += on_threads(StandInCuda(seed), batches) != [doubled(batch) for batch in batches]
            except torch.AcceleratorError:
                wrong += 1  # a time was asked for that is not known yet
            except DeviceFault:
                wrong += 1
        assert wrong

    def test_copies_overlap_what_is_computed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Three batches take less than the sum of their copies and kernels, and no less than their kernels."""
        monkeypatch.setattr(cuda_standin, "COPY_SECONDS_A_BYTE", 1e-3)  # 0.08 s for each batch in and out
        device = StandInCuda(seconds_of=lambda rows: 0.01)
        batches = [list(batch) for batch in self.BATCHES]
        on_threads(device, batches)
        busy = [lane.busy_seconds for lane in device.lanes]
        taken = max(lane.seconds for lane in device.lanes) - device.began_seconds
        assert max(busy) <= taken + 1e-9 < 0.8 * sum(busy)

    def test_receipts_count_kernels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither copies nor the host's time between them: a batch costs what the device computes for it."""
        device = StandInCuda(seconds_of=lambda rows: 0.01)
        model = loaded(device)
        monkeypatch.setattr(cuda_standin, "COPY_SECONDS_A_BYTE", 0.0)
        given = device.copy

        def copied_slowly(target: Tensor, source: Tensor) -> None:
            device.host_seconds += 1.0  # the host is busy elsewhere
            given(target, source)

        monkeypatch.setattr(device, "copy", copied_slowly)
        assert model.run(batch_of(1)).device_seconds == pytest.approx(0.01)

    def test_rows_are_stacked_where_the_device_reads_them(self) -> None:
        """No copy on the host next to the one that stacks."""
        backend, seen = CudaBackend(BackendConfig(), StandInCuda()), list[np.ndarray]()
        runner = Runner(CARD, lambda _card: Doubler(), backend)
        runner.open()
        model = runner._loaded
        assert isinstance(model, CudaModel)
        run = model.run
        model.run = lambda batch: (seen.append(batch), run(batch))[1]  # type: ignore[method-assign]
        rows = runner.run([number(7), number(8), number(9)], 4)
        assert [row.values[0].tolist() for row in rows] == [14.0, 16.0, 18.0]  # type: ignore[union-attr]
        assert seen[0] is model.input_array((4, 1))

    async def test_through_batchers(self) -> None:
        """All threads take batches, and every caller gets its own answer."""
        inference = await opened(StandInCuda(), CARD, replace(CARD, name="other"))
        asked = [
            inference.batcher(name).submit_many([number(value) for value in range(start, start + 40)], context())
            for name in ("doubler", "other")
            for start in (0, 100, 1000)
        ]
        found = await asyncio.gather(*asked)
        await inference.close()
        expected = [2.0 * value for _ in range(2) for start in (0, 100, 1000) for value in range(start, start + 40)]
        assert [output.values[0].tolist() for outputs in found for output in outputs] == expected


class TestSizes:
    def test_the_device_extends_the_cards_sizes(self) -> None:
        """A wide device gets large batches, a narrow one those of the card."""
        wide = loaded(StandInCuda(seconds_of=lambda rows: 1e-3)).warm_up()
        narrow = loaded(StandInCuda(seconds_of=lambda rows: 1e-3 * rows)).warm_up()
        assert (max(wide), tuple(narrow)) == (512, CARD.batch_sizes)

    async def test_the_queue_holds_what_is_in_flight(self) -> None:
        """Otherwise large batches would never fill."""
        inference = await opened(StandInCuda(seconds_of=lambda rows: 1e-3))
        inference.hold("live")
        items = [number(value) for value in range(SUBMITTERS * 512 + 1)]
        asked = asyncio.create_task(inference.batcher("doubler").submit_many(items, context()))
        await queued()
        waiting = len(inference.batcher("doubler")._longest._policy)
        inference.hold(None)
        assert (waiting, len(await asked)) == (SUBMITTERS * 512, len(items))
        await inference.close()

    def test_items_of_every_length(self) -> None:
        """A size is used for all lengths or for none."""
        card = replace(CARD, input_shape=(4,), lengths=(2, 4), outputs=("sums",))

        class Sums(nn.Module):
            def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
                return (numbers.sum(dim=1).float(),)

        model = loaded(StandInCuda(), card, Sums)
        for size in model.warm_up():
            for shape in card.item_shapes:
                assert model.run(warm_up_batch(card, size, shape)).values[0].tolist() == [float(shape[0])] * size

    def test_a_renewed_model_keeps_them(self) -> None:
        """Batchers have built on the sizes of the first one, whatever a second measurement would say."""
        device = StandInCuda(seconds_of=lambda rows: 1e-3)
        backend = CudaBackend(BackendConfig(), device)
        runner = Runner(CARD, lambda _card: Doubler(), backend)
        runner.open()
        device._seconds_of = lambda rows: 1e-3 * rows
        runner.renew()
        assert max(runner.supported_sizes) == 512

    def test_a_module_with_a_size_of_its_own(self) -> None:
        """Larger batches than the module takes are not used, and nobody is told: the card does not name them."""

        class Few(Doubler):
            def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
                if numbers.shape[0] > 4:
                    raise ValueError("at most 4 rows")
                return super().forward(numbers)  # type: ignore[no-any-return]

        refused: list[str] = []
        config = BackendConfig(on_refused_bucket=lambda model, device: refused.append(model))
        assert tuple(loaded(StandInCuda(), CARD, Few, config).warm_up()) == CARD.batch_sizes
        assert refused == []


class TestMemory:
    def test_a_size_that_does_not_fit(self, caplog: pytest.LogCaptureFixture) -> None:
        """It is named in the log and counted; smaller ones serve."""

        class Hungry(Doubler):
            def forward(self, numbers: Tensor) -> tuple[Tensor, ...]:
                numbers = (
                    numbers + torch.zeros(numbers.shape[0], 10_000, dtype=torch.int64, device=numbers.device).sum()
                )
                return super().forward(numbers)  # type: ignore[no-any-return]

        refused: list[tuple[str, str]] = []
        config = BackendConfig(
            device_memory_bytes=200_000, on_refused_bucket=lambda model, device: refused.append((model, device))
        )
        with caplog.at_level(logging.WARNING):
            model = loaded(StandInCuda(), CARD, Hungry, config)
        assert tuple(model.warm_up()) == (1,)
        assert refused == [("doubler", "cuda")]
        assert "does not run in batches of 4" in caplog.text

    def test_a_model_that_does_not_fit(self) -> None:
        """The host's processor runs it."""
        with pytest.raises(RunsOnHost, match="doubler"):
            loaded(StandInCuda(), config=BackendConfig(device_memory_bytes=100))

    def test_closed_models_give_it_back(self) -> None:
        """As often as one is opened, the last user frees it."""
        backend = CudaBackend(BackendConfig(device_memory_bytes=20_000), StandInCuda())
        for _ in range(3):
            first, second = backend.load(CARD, Doubler), backend.load(CARD, Doubler)
            first.close()
            assert answers(second, 3) == doubled([3])
            second.close()
        assert backend._device is not None and backend._device._budget.fixed_bytes == 0

    def test_threads_share_a_model(self) -> None:
        """Weights are on the device once, and each shape is captured once."""
        device = StandInCuda()
        backend = CudaBackend(BackendConfig(), device)
        backend.load(CARD, Doubler)
        captured = device.num_captures
        backend.load(CARD, Doubler)
        assert device.num_captures == captured


class TestNotCaptured:
    def test_the_host_starts_its_kernels(self, caplog: pytest.LogCaptureFixture) -> None:
        """A module whose code looks at values answers all the same, and the log says what it costs."""
        with caplog.at_level(logging.WARNING):
            model = loaded(StandInCuda(), module=Looking)
        assert answers(model, 1, 2, 3, 4) == doubled([1, 2, 3, 4])
        assert "doubler is not captured" in caplog.text

    def test_the_batch_is_to_blame(self) -> None:
        """Good input still works, so the module's error passes, and isolation finds the item."""
        model = loaded(StandInCuda(), module=Looking)
        with pytest.raises(ValueError, match="cannot bear 13"):
            model.run(batch_of(1, 13, 2, 3))

    def test_the_device_is_to_blame(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An error of a library has no type and no code: known-good input fails as well."""
        model = loaded(StandInCuda(), module=Looking)

        def broken(*_: object) -> tuple[Tensor, ...]:
            raise RuntimeError("FIND was unable to find an engine to execute this computation")

        monkeypatch.setattr(Looking, "forward", broken)
        with pytest.raises(DeviceFault, match="unable to find an engine"):
            model.run(batch_of(1))


class TestFaults:
    async def test_a_broken_context_is_not_asked_again(self) -> None:
        """Everybody on it learns that the device is lost, and so does who comes later."""
        device = StandInCuda()
        inference = await opened(device)
        device.next_error = ILLEGAL_ADDRESS
        batcher = inference.batcher("doubler")
        found = await asyncio.gather(*(batcher.submit(number(n), context()) for n in range(4)), return_exceptions=True)
        later = await asyncio.gather(batcher.submit(number(9), context()), return_exceptions=True)
        await inference.close()
        assert {type(outcome) for outcome in (*found, *later)} == {DeviceLost}

    async def test_another_error_gets_a_fresh_model(self) -> None:
        """The same items are answered by a new runner."""
        device, observer = StandInCuda(), CountingObserver()
        inference = await opened(device, observer=observer)
        device.next_error = INVALID_VALUE
        output = await inference.batcher("doubler").submit(number(4), context())
        await inference.close()
        assert (output.values[0].tolist(), observer.renewals) == (8.0, ["doubler"])

    def test_a_full_device(self) -> None:
        """It works, and may have memory later."""
        device = StandInCuda()
        model = loaded(device)
        device.next_error = 2
        with pytest.raises(DeviceFull):
            model.run(batch_of(1))
        assert answers(model, 1) == doubled([1])


class TestTorchCuda:
    """What is asked of torch, held against the signatures of the installed one."""

    @pytest.fixture
    def cuda(self, monkeypatch: pytest.MonkeyPatch) -> TorchCuda:
        self.graph = create_autospec(torch.cuda.graph)
        self.event = create_autospec(torch.cuda.Event)
        handles = iter(range(1, 100))
        monkeypatch.setattr(torch.cuda, "graph", self.graph)
        monkeypatch.setattr(torch.cuda, "Event", self.event)
        monkeypatch.setattr(torch.cuda, "CUDAGraph", create_autospec(torch.cuda.CUDAGraph))
        monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: next(handles))
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: None)
        return TorchCuda(0)

    def test_nobody_spins(self, cuda: TorchCuda) -> None:
        """Every mark blocks who waits for it."""
        cuda.event()
        cuda.event(is_timed=True)
        assert [call.kwargs["blocking"] for call in self.event.call_args_list] == [True, True]
        assert [call.kwargs["enable_timing"] for call in self.event.call_args_list] == [False, True]

    def test_graphs_share_a_pool(self, cuda: TorchCuda) -> None:
        """All scratch memory is one, in one stream; other threads may use the device meanwhile."""
        stream: Any = object()
        cuda.capture(lambda: None, stream)
        cuda.capture(lambda: None, stream)
        used = [call.kwargs for call in self.graph.call_args_list]
        assert used == [{"pool": 1, "stream": stream, "capture_error_mode": "thread_local"}] * 2

    def test_a_failed_capture_costs_its_pool(self, cuda: TorchCuda) -> None:
        """Torch takes no further graph into a pool whose capture did not end, and its allocator keeps a pointer to the
        graph, which must not go."""

        def fails() -> None:
            raise ValueError("looked at a value")

        self.graph.return_value.__exit__.return_value = False
        with pytest.raises(ValueError, match="looked"):
            cuda.capture(fails, object())  # type: ignore[arg-type]
        assert len(cuda._unfinished) == 1
        cuda.capture(lambda: None, object())  # type: ignore[arg-type]
        assert [call.kwargs["pool"] for call in self.graph.call_args_list] == [1, 2]


def test_several_batches_are_in_flight() -> None:
    """The device computes one while others are copied."""
    assert CudaBackend.num_submitters == SUBMITTERS >= 2
