"""The media session that the agents of an upload share, and the receipt of its single decode."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import msgspec

from operators.errors import InvalidMedia
from operators.media.session import MediaSession
from operators.media.shares import Shares
from schemas.receipts import DecodeReceipt, Seen
from streams.analysis.agents.analysis import Agent, AgentWork, Analysis


class SharedSession:
    """A media session, and the receipt of its single decode.

    Several upload events of a revision may share the session; then their receipts name the same decode.

    Args:
        session: must stay open while this is used.
    """

    def __init__(self, session: MediaSession) -> None:
        self.session = session

    async def analyse(self, agent: Agent, work: AgentWork) -> Analysis:
        """Run an agent and add the decode to its receipt; raises what the agent raises."""
        analysis = await agent.analyse(work)
        if not agent.needs_media:
            return analysis
        receipt = msgspec.structs.replace(analysis.receipt, decode=await self.receipt())
        return replace(analysis, receipt=receipt)

    async def receipt(self) -> DecodeReceipt | None:
        """Return the cost of the decode, the same for every agent, also if it failed after this agent got its part."""
        with suppress(InvalidMedia):
            await self.session.receipt()
        return self.ended_receipt()

    def ended_receipt(self) -> DecodeReceipt | None:
        """Return the cost if the decode has ended; None if it is running or never started."""
        found = self.session.ended_receipt()
        if found is None:
            return None
        return DecodeReceipt(
            decode_id=self.session.decode_id,
            cpu_seconds=found.cpu_seconds,
            wall_seconds=found.wall_seconds,
            frames_decoded=found.frames_decoded,
            frames_sampled=found.frames_sampled,
            bytes_read=found.bytes_read,
            audio_seconds=found.audio_seconds,
            coverage_ratio=found.coverage_ratio,
            decode_errors=found.decode_errors,
            decoder=found.decoder,
            index_cpu_seconds=found.index_cpu_seconds,
            fetch_cpu_seconds=found.fetch_cpu_seconds,
            bytes_fetched=found.bytes_fetched,
            video=_seen(found.video),
            audio=_seen(found.audio),
        )


def _seen(shares: Shares | None) -> Seen | None:
    """Return the ratios, rounded to a millionth, as in features."""
    if shares is None:
        return None
    return Seen(
        planned_ratio=round(shares.planned_ratio, 6),
        achieved_ratio=round(shares.achieved_ratio, 6),
        length_ratio=round(shares.length_ratio, 6),
        intact_ratio=round(shares.intact_ratio, 6),
        num_packets=shares.num_packets,
        num_damaged=shares.num_damaged,
        num_discarded=shares.num_discarded,
    )
