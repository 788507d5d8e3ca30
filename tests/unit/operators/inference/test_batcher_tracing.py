"""What a tracer is told of calls and batches: who answers whom, across traces, and nothing that nobody keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from models.card import Card
from operators.inference.inference import Inference
from operators.tracing import NO_SPAN, NoSpan, Note, TraceSpan
from tests.unit.operators.inference.fakes import FakeBackend, context, number, number_card, queued


@dataclass(eq=False)
class KeptSpan(NoSpan):
    """A span that remembers what it was told."""

    name: str
    parent: TraceSpan | None
    links: list[TraceSpan]
    notes: dict[str, Note]
    is_kept: bool = True

    def link(self, other: TraceSpan) -> None:
        self.links.append(other)


@dataclass
class KeepingTracer:
    """Keeps every span, in the order in which they began; calls of some videos are not sampled."""

    unsampled_items: frozenset[int] = frozenset()
    spans: list[KeptSpan] = field(default_factory=list)

    def span(
        self,
        name: str,
        *,
        parent: TraceSpan | None = None,
        links: Iterable[TraceSpan] = (),
        began_unix_seconds: float | None = None,
        **notes: Note,
    ) -> TraceSpan:
        del began_unix_seconds
        if name == "model call" and notes["items"] in self.unsampled_items:
            return NO_SPAN
        self.spans.append(KeptSpan(name, parent, list(links), notes))
        return self.spans[-1]

    def named(self, name: str) -> list[KeptSpan]:
        return [span for span in self.spans if span.name == name]


async def run_together(tracer: KeepingTracer, *sizes: int) -> None:
    """One call of each size, all of them in the queue before the device is free."""

    def load_module(card: Card) -> None:
        del card

    backend = FakeBackend()
    inference = await Inference.open([number_card()], load_module, backend, tracer=tracer)
    plug = await backend.plugged(inference)
    batcher = inference.batcher("doubler")
    calls = [
        asyncio.create_task(batcher.submit_many([number(value) for value in range(size)], context(f"v{place}")))
        for place, size in enumerate(sizes)
    ]
    await queued()
    backend.gate.set()
    await asyncio.gather(plug, *calls)
    await inference.close()


class TestSpans:
    async def test_a_batch_points_at_every_call_in_it_and_each_call_at_it(self) -> None:
        """It is a child of the first; the plug before it has a batch of its own."""
        tracer = KeepingTracer()
        await run_together(tracer, 1, 3)
        _, first, second = tracer.named("model call")
        _, batch = tracer.named("batch")
        assert batch.parent is first
        assert batch.links == [first, second]
        assert (first.links, second.links) == ([batch], [batch])
        assert (batch.notes["items"], batch.notes["videos"], batch.notes["size"]) == (4, 2, 4)

    async def test_a_call_in_several_batches_points_at_all_of_them(self) -> None:
        """20 items of a model that takes 16."""
        tracer = KeepingTracer()
        await run_together(tracer, 20)
        _, call = tracer.named("model call")
        _, *batches = tracer.named("batch")
        assert len(batches) == 2
        assert call.links == batches

    async def test_calls_that_nobody_keeps_are_not_pointed_at(self) -> None:
        """The batch is a child of the first call that is kept."""
        tracer = KeepingTracer(unsampled_items=frozenset({3}))
        await run_together(tracer, 3, 1)
        _, kept = tracer.named("model call")
        _, batch = tracer.named("batch")
        assert batch.parent is kept
        assert batch.links == [kept]

    async def test_a_batch_of_unsampled_calls_has_no_span(self) -> None:
        """There would be nobody to show it to."""
        tracer = KeepingTracer(unsampled_items=frozenset({1, 2}))
        await run_together(tracer, 2)
        assert tracer.spans == []
