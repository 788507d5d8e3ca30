"""The batchers of one model, one for each length of its items: a batch contains items of one length."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from models.card import Card
from operators.inference.batcher import Batcher
from operators.inference.device_thread import DeviceThread
from operators.inference.request_context import Lane, ModelOutput, RequestContext


class LengthBatcher:
    """A model as the agents use it.

    A short item in a batch of long ones would cost as much as they do. So every length has a queue of its own, and the
    device takes turns between them as between models.

    Args:
        card: of the model.
        batchers: for each of `card.item_shapes`, in this order.
    """

    def __init__(self, card: Card, batchers: Sequence[Batcher]) -> None:
        self.card = card
        self._batchers = dict(zip(card.item_shapes, batchers, strict=True))

    @property
    def mode(self) -> str:
        """See `Batcher.mode`."""
        return self._longest.mode

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """See `Batcher.batch_sizes`."""
        return self._longest.batch_sizes

    @property
    def served_as(self) -> str:
        """See `Batcher.served_as`."""
        return self._longest.served_as

    def attach_to(self, device: DeviceThread) -> None:
        """Let a device take batches from all queues."""
        for batcher in self._batchers.values():
            device.attach(batcher)

    async def submit(self, item: np.ndarray, context: RequestContext) -> ModelOutput:
        """Return the model's output for one item, see `Batcher.submit`.

        Raises:
            ValueError: the item has none of the card's shapes, or another dtype.
            Exception: as `Batcher.submit`.
        """
        return await self._batcher(item).submit(item, context)

    async def submit_many(self, items: Sequence[np.ndarray], context: RequestContext) -> list[ModelOutput]:
        """Return the model's output for each item, in order.

        Raises:
            Exception: as `submit`; the first failure drops the items that still wait.
        """
        places: dict[Batcher, list[int]] = {}
        for place, item in enumerate(items):
            places.setdefault(self._batcher(item), []).append(place)
        if len(places) <= 1:
            return await next(iter(places), self._longest).submit_many(items, context)
        calls = [
            asyncio.ensure_future(batcher.submit_many([items[place] for place in group], context))
            for batcher, group in places.items()
        ]
        try:
            answers = await asyncio.gather(*calls)
        finally:
            await _end(calls)
        by_place = {
            place: answer
            for group, some in zip(places.values(), answers, strict=True)
            for place, answer in zip(group, some, strict=True)
        }
        return [by_place[place] for place in range(len(items))]

    def hold(self, lane: Lane | None) -> None:
        """See `Batcher.hold`."""
        for batcher in self._batchers.values():
            batcher.hold(lane)

    async def drain(self) -> None:
        """See `Batcher.drain`."""
        await asyncio.gather(*(batcher.drain() for batcher in self._batchers.values()))

    def close(self) -> None:
        """See `Batcher.close`."""
        for batcher in self._batchers.values():
            batcher.close()

    @property
    def _longest(self) -> Batcher:
        return self._batchers[self.card.input_shape]

    def _batcher(self, item: np.ndarray) -> Batcher:
        if item.shape not in self._batchers:
            shapes = " or ".join(map(str, self._batchers))
            raise ValueError(
                f"model {self.card.name} takes {shapes} {self.card.input_dtype}, got {item.shape} {item.dtype}"
            )
        return self._batchers[item.shape]


async def _end(calls: Sequence[asyncio.Future[list[ModelOutput]]]) -> None:
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
