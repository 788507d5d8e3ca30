"""What the agents of an upload tell each other: once, and waited for no longer than permitted."""

from __future__ import annotations

import asyncio

from streams.analysis.agents.analysis import Analysis
from streams.analysis.agents.findings import Findings

FOUND = Analysis(is_present=False)


async def test_waiting_callers_are_answered() -> None:
    """Whether the agent ends before or after it is asked about."""
    findings = Findings()
    waiting = asyncio.ensure_future(findings.of("audio", 60.0))
    await asyncio.sleep(0)
    findings.end("audio", FOUND)
    assert await waiting is FOUND
    assert await findings.of("audio", 0.0) is FOUND


async def test_the_first_statement_stays() -> None:
    """An agent that has ended and then leaves does not take back what it found."""
    findings = Findings()
    findings.end("audio", FOUND)
    findings.end("audio")
    assert await findings.of("audio", 60.0) is FOUND


async def test_an_agent_that_found_nothing() -> None:
    """It failed, or its signal was claimed before."""
    findings = Findings()
    findings.end("motion")
    assert await findings.of("motion", 60.0) is None


async def test_an_agent_that_never_ends() -> None:
    """Anyone who waits goes on without it, and it may still end."""
    findings = Findings()
    assert await findings.of("audio", 0.0) is None
    assert await findings.of("audio", -1.0) is None
    findings.end("audio", FOUND)
    assert await findings.of("audio", 0.0) is FOUND
