"""What the one decode cost that the agents of an upload share, as each of their receipts says it.

Several upload events of a revision may share the session; then their receipts name the same decode.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import msgspec

from operators.errors import InvalidMedia
from operators.media.session import MediaSession
from schemas.receipts import DecodeReceipt, Seen
from streams.analysis.agents.analysis import Agent, AgentWork, Analysis


async def analysis_with_decode(session: MediaSession, agent: Agent, work: AgentWork) -> Analysis:
    """Run an agent and put the decode on its receipt; raises what the agent raises."""
    analysis = await agent.analyse(work)
    if not agent.needs_media:
        return analysis
    receipt = msgspec.structs.replace(analysis.receipt, decode=await decode_receipt(session))
    return replace(analysis, receipt=receipt)


async def decode_receipt(session: MediaSession) -> DecodeReceipt | None:
    """What the decode cost, the same for every agent, also where it failed after this agent had its part."""
    with suppress(InvalidMedia):
        await session.receipt()
    return ended_decode_receipt(session)


def ended_decode_receipt(session: MediaSession) -> DecodeReceipt | None:
    """The same where the decode is over; None where it is not, or never began."""
    found = session.ended_receipt()
    if found is None:
        return None
    return DecodeReceipt(
        decode_id=session.decode_id,
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
        video=_rounded(found.video),
        audio=_rounded(found.audio),
    )


def _rounded(seen: Seen | None) -> Seen | None:
    """Ratios to a millionth, as in features."""
    if seen is None:
        return None
    return msgspec.structs.replace(
        seen,
        planned_ratio=round(seen.planned_ratio, 6),
        achieved_ratio=round(seen.achieved_ratio, 6),
        length_ratio=round(seen.length_ratio, 6),
        intact_ratio=round(seen.intact_ratio, 6),
        lead_ratio=round(seen.lead_ratio, 6),
    )
