"""Measures the cost of one analysis."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from msgspec.structs import replace

from operators.inference.loaded_model import ServerUsage
from operators.inference.request_context import ModelOutput
from schemas.receipts import ModelReceipt, Receipt
from streams.analysis.agents.analysis import HostThreads, Result

NOT_ON_A_SERVER = ServerUsage(host="", seconds=0.0)


class AgentUsage:
    """Accumulates usage while an agent works, then becomes its receipt."""

    def __init__(self, host: HostThreads) -> None:
        self._host = host
        self._began_seconds = time.monotonic()
        self._cpu_seconds = 0.0
        self._device_seconds = 0.0
        self._device_cpu_seconds = 0.0
        self._models: dict[str, ModelReceipt] = {}
        self._num_items = 0
        self._sum_batch_items = 0
        self._sum_batch_videos = 0

    async def on_host(self, work: Callable[[], Result]) -> Result:
        """Run an operator on the host's threads and count its CPU time."""
        result, cpu_seconds = await self._host.run(work)
        self._cpu_seconds += cpu_seconds
        return result

    def spend(self, cpu_seconds: float) -> None:
        """Count CPU time that other code spent for this analysis, such as a second decode."""
        self._cpu_seconds += cpu_seconds

    def add(self, outputs: Iterable[ModelOutput]) -> None:
        """Count model outputs."""
        for output in outputs:
            self._device_seconds += output.device_seconds
            self._device_cpu_seconds += output.cpu_seconds
            self._models[output.model] = _added(self._models.get(output.model), output)
            self._num_items += 1
            self._sum_batch_items += output.batch_items
            self._sum_batch_videos += output.batch_videos

    def spend_on_models(self, cpu_seconds: Mapping[str, float], mode: str) -> None:
        """Count CPU time of models that run on host threads, by name; `on_host` has not counted it."""
        for name, seconds in cpu_seconds.items():
            self.spend(seconds)
            self.add_on_host(name, 1, seconds, mode)

    def add_on_host(self, model: str, num_items: int, cpu_seconds: float, mode: str) -> None:
        """State the items and the CPU time of a model that ran on host threads; that time is counted already.

        Of a model that is stated already it is a part of its items that the device did not compute.
        """
        before = self._models.get(model)
        if before is not None:
            self._models[model] = replace(before, cpu_seconds=before.cpu_seconds + cpu_seconds)
        elif num_items:
            self._models[model] = ModelReceipt(items=num_items, device_seconds=0.0, cpu_seconds=cpu_seconds, mode=mode)

    def add_on_server(self, name: str, usage: ServerUsage | None) -> None:
        """Count a question to a model on a server, under a name; None if what it cost is not known."""
        used, before = usage or NOT_ON_A_SERVER, self._models.get(name)
        before = before or ModelReceipt(items=0, device_seconds=0.0, cpu_seconds=0.0)
        self._models[name] = ModelReceipt(
            items=before.items + 1,
            device_seconds=0.0,
            cpu_seconds=0.0,
            mode="openai",
            host=used.host or before.host,
            server_seconds=before.server_seconds + used.seconds,
            input_tokens=before.input_tokens + used.input_tokens,
            output_tokens=before.output_tokens + used.output_tokens,
        )

    def receipt(self, *, num_items: int | None = None) -> Receipt:
        """Return the cost so far, without the decode, which the agents share.

        Args:
            num_items: overrides the count if the agent's items are not model inputs, such as pairs of frames.
        """
        return Receipt(
            device_seconds=self._device_seconds,
            device_cpu_seconds=self._device_cpu_seconds,
            cpu_seconds=self._cpu_seconds,
            wall_seconds=time.monotonic() - self._began_seconds,
            items=self._num_items if num_items is None else num_items,
            batch_items_mean=self._sum_batch_items / self._num_items if self._num_items else 0.0,
            batch_videos_mean=self._sum_batch_videos / self._num_items if self._num_items else 0.0,
            models=dict(self._models),
        )


def _added(before: ModelReceipt | None, output: ModelOutput) -> ModelReceipt:
    before = before or ModelReceipt(items=0, device_seconds=0.0, cpu_seconds=0.0)
    used = output.usage or NOT_ON_A_SERVER
    return ModelReceipt(
        items=before.items + 1,
        device_seconds=before.device_seconds + output.device_seconds,
        cpu_seconds=before.cpu_seconds + output.cpu_seconds,
        mode=output.mode,
        host=used.host,
        server_seconds=before.server_seconds + used.seconds,
        input_tokens=before.input_tokens + used.input_tokens,
        output_tokens=before.output_tokens + used.output_tokens,
    )
