"""Analysis without a broker: an error that nobody expected costs its modality, and is told once."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from operators.errors import DeviceFault, InvalidMedia, ServerUnavailable
from operators.internal_errors import InternalError
from ops.cli import analyze
from schemas.identity import MODALITIES
from schemas.uploads import FileSource, MediaSource, VideoUploaded
from streams import local_analysis as direct
from streams.analysis.agents.analysis import Agent, AgentWork, Analysis
from streams.analysis.agents.signals import Provenance
from streams.config.settings import read_settings
from streams.costs.cpu_account import CpuAccount, CpuReading
from streams.decision.cost import Prices
from streams.decision.outcome import FoldContext
from streams.decision.policy_file import load_policy
from streams.lifecycle.clock import SystemClock
from streams.local_analysis import LocalAnalysis

UPLOAD = VideoUploaded(video_id="video", source=FileSource(path="a.mp4"))


class FakeSessions:
    """Sessions in which nothing is decoded."""

    @asynccontextmanager
    async def open(self, key: str, source: MediaSource) -> AsyncIterator[Any]:
        yield SimpleNamespace(ended_receipt=lambda: None, receipt=_no_receipt)


async def _no_receipt() -> None:
    return None


class FakeEngine:
    """As much of an engine as an analysis asks for."""

    def __init__(self) -> None:
        self.sessions = FakeSessions()
        self.account = CpuAccount(lambda: CpuReading(0.0))
        self.provenance = {modality: Provenance("fingerprint", 1, {}) for modality in MODALITIES}

    def work(self, *asked: Any) -> Any:
        return SimpleNamespace()


def analysis_with(monkeypatch: pytest.MonkeyPatch, error: Exception, told: list[InternalError]) -> LocalAnalysis:
    """An analysis whose frames agent raises, and whose other agents find nothing."""

    async def fail(work: AgentWork) -> Analysis:
        raise error

    async def find_nothing(work: AgentWork) -> Analysis:
        return Analysis(is_present=False)

    agents = {
        modality: Agent(modality, fail if modality == "frames" else find_nothing, (), 1) for modality in MODALITIES
    }
    monkeypatch.setattr(direct, "AGENTS", agents)
    context = FoldContext(load_policy(None), Prices.from_settings(read_settings()), 0, 1_700_000_000.0)
    engine: Any = FakeEngine()
    return LocalAnalysis(
        engine, context, slots=1, clock=SystemClock(), on_unexpected=lambda _upload, found: told.append(found)
    )


class TestDirectAnalysis:
    @pytest.mark.parametrize(
        ("error", "cause", "is_told"),
        [
            (ValueError("Invalid IPv6 URL"), "internal-error", True),
            (RecursionError("deep"), "internal-error", True),
            (OSError(errno.EIO, os.strerror(errno.EIO)), "machine-unavailable", False),
            (InvalidMedia("media-empty", "no bytes"), "media-empty", False),
            (DeviceFault("x"), "device-fault", False),
            (ServerUnavailable("https://models.example:443", "no answer"), "model-server-away", False),
        ],
        ids=lambda value: type(value).__name__,
    )
    async def test_whatever_an_agent_raises(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception, cause: str, is_told: bool
    ) -> None:
        """The modality has failed with a cause, the others have their results, and no exception comes out."""
        told: list[InternalError] = []
        outcome = await analysis_with(monkeypatch, error, told).outcome_of(UPLOAD)
        failed = outcome.verdict.modalities.failed
        assert {modality: failure.cause for modality, failure in failed.items()} == {"frames": cause}
        assert [found.boundary for found in told] == (["work"] if is_told else [])

    async def test_some_modalities(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those that are asked for, in the order of the agents."""
        analysis = analysis_with(monkeypatch, ValueError("not asked"), [])
        found = await analysis.findings_of(UPLOAD, ("context", "audio"))
        assert [signal.modality for signal, _ in found] == ["audio", "context"]


class TestCommandLine:
    @pytest.mark.parametrize("level", ["info", "debug"])
    def test_a_traceback_is_for_who_asks(self, level: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        """One line says what happened and how to see more; with the log level `debug` the traceback is there."""
        try:
            raise InternalError("source", ValueError("Invalid IPv6 URL")) from ValueError("Invalid IPv6 URL")
        except InternalError as error:
            analyze._tell_unexpected(read_settings(log_level=level), UPLOAD, error)
        said = capsys.readouterr().err
        assert "Invalid IPv6 URL" in said
        assert ("Traceback" in said) is (level == "debug")
        assert ("VIDSIGNAL_LOG_LEVEL" in said) is (level == "info")
