"""Two upload events of one revision that share a decode: it is charged once, and counted once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from operators.media.pool import DecoderPool
from operators.media.shared_sessions import MediaSessions
from schemas.receipts import DecodeReceipt, Receipt
from schemas.uploads import FileSource
from streams.analysis.agents.analysis import Agent, Analysis
from streams.analysis.agents.decode_receipts import analysis_with_decode, decode_receipt
from streams.decision.cost import Prices, price
from tests.hostile_media import write_video
from tests.opened_files import LocalFiles
from tests.sample_facts import signal

CLIP = FileSource(path="clip.mp4")
PRICES = Prices(usd_per_cpu_hour=3600.0, usd_per_device_hour=0.0, watts_per_cpu_core=1.0, watts_per_device=1.0)


async def test_events_that_share_a_decode_pay_for_it_once(tmp_path: Path) -> None:
    """The verdict takes one modality of each event; their receipts name the same decode, whose cost counts once."""
    write_video(tmp_path / "clip.mp4", num_frames=50, sound_seconds=2.0)
    pool = DecoderPool(1)
    await pool.open()
    try:
        sessions = MediaSessions(pool, LocalFiles(tmp_path))
        async with sessions.open("v:1", CLIP) as first, sessions.open("v:1", CLIP) as second:
            found = await asyncio.gather(decode_receipt(first), decode_receipt(second))
            counted = [session.take_decode_count() for session in (first, second, first)]
        async with sessions.open("v:1", CLIP) as later:
            other = await decode_receipt(later)
    finally:
        await pool.close()
    decodes = [decode for decode in (*found, other) if decode is not None]
    cost = price(_signals(decodes[:2]), PRICES)
    assert (cost.num_decodes, cost.decode_cpu_seconds) == (1, decodes[0].cpu_seconds)
    assert counted == [True, False, False]
    assert price(_signals(decodes), PRICES).num_decodes == 2  # a decode of its own is a cost of its own


def _signals(decodes: list[DecodeReceipt]) -> list:  # type: ignore[type-arg]
    modalities = ("frames", "audio", "motion")
    return [
        signal(modality, receipt=Receipt(decode=decode)) for modality, decode in zip(modalities, decodes, strict=False)
    ]


class NoMedia:
    """A session that must not be looked at."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the media was asked for {name}")


async def _nothing(_work: object) -> Analysis:
    return Analysis()


async def test_an_agent_without_media_has_no_decode() -> None:
    """Whatever its modality: nothing is decoded for it, and no decode is on its receipt."""
    agent = Agent(modality="motion", analyse=_nothing, code_version=1, needs_media=False)
    analysis = await analysis_with_decode(NoMedia(), agent, None)  # type: ignore[arg-type]
    assert analysis.receipt.decode is None
