"""When a chat model is asked at all, and what of it is in the fingerprints of signals."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.card_registry import CARDS
from operators.captions import caption_question
from operators.errors import ServerUnavailable
from operators.inference.loaded_model import RequestTerms, ServerUsage
from operators.inference.remote.chat_client import ChatAnswer, Question
from operators.inference.remote.server_watch import ServerRequest
from streams.analysis import engine_opening
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.agents.analysis import ChatParts
from streams.analysis.chat_opening import LimitedAsker, chat_fingerprint, open_chat
from streams.analysis.engine import PLAN_POLICY
from streams.analysis.provenance import provenance_of
from streams.analysis.server_health import WatchedServers
from streams.config.settings import InvalidSettings, read_settings
from streams.delivery.breaker import FAILURES_TO_OPEN, Breakers
from tests.fakes import ManualClock

HERE = {"openai_url": "http://127.0.0.1:8000", "model_server_hosts": "127.0.0.1"}
GUN = "violence/weapons/firearm-visible"
JUDGE = f"name: test\nversion: 1\nrules: []\njudge: {{version: 1, bands: {{{GUN}: {{from: 0.4, to: 0.6}}}}}}\n"


async def opened(**settings: object) -> ChatParts | None:
    async with AsyncExitStack() as opening:
        return open_chat(read_settings(**settings), Breakers(ManualClock()), opening)


class TestOpening:
    async def test_off_by_default(self) -> None:
        """A server alone is asked nothing."""
        assert await opened() is None
        assert await opened(**HERE) is None

    async def test_by_its_settings(self) -> None:
        """The name, the share, the pictures and the time; no judge without one in the policy."""
        chat = await opened(**HERE, chat_model="m", captions_ratio=0.1, captioned_videos="untitled", chat_pictures=2)
        assert chat is not None
        assert (chat.model, chat.captions_ratio, chat.captioned_videos) == ("m", 0.1, "untitled")
        assert (chat.num_pictures, chat.timeout_seconds, chat.policy) == (2, 20.0, None)

    async def test_a_judge(self, tmp_path: Path) -> None:
        """The policy file has it."""
        path = tmp_path / "policy.yaml"
        path.write_text(JUDGE)
        chat = await opened(**HERE, chat_model="m", policy_file=path)
        assert chat is not None
        assert chat.policy is not None
        assert chat.policy.judge is not None

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"chat_model": "m"}, "set VIDSIGNAL_OPENAI_URL"),
            ({"captions_ratio": "0.5"}, "set VIDSIGNAL_CHAT_MODEL"),
            ({**HERE, "chat_model": " "}, "VIDSIGNAL_CHAT_MODEL"),
            ({**HERE, "chat_model": "m", "captioned_videos": "some"}, "allowed are all, untitled"),
            ({"openai_url": "https://m.example", "chat_model": "m"}, "VIDSIGNAL_MODEL_SERVER_HOSTS allows no host"),
        ],
    )
    def test_settings_that_contradict(self, settings: dict[str, str], said: str) -> None:
        """Every command reports it, before anything is sent."""
        with pytest.raises(InvalidSettings) as refused:
            read_settings(**settings)
        assert said in str(refused.value)


class TestFingerprint:
    async def fingerprints(self, tmp_path: Path) -> list[str]:
        """Of workers that differ in one thing each."""
        base = {**HERE, "chat_model": "m", "captions_ratio": "0.5"}
        policy = tmp_path / "policy.yaml"
        policy.write_text(JUDGE)
        others = (
            {}, {"chat_model": "m2"}, {"captions_ratio": "0.6"}, {"captioned_videos": "untitled"},
            {"chat_pictures": "5"}, {"policy_file": str(policy)},
        )  # fmt: skip
        return [chat_fingerprint(await opened(**{**base, **other})) for other in others]

    async def test_everything_that_changes_captions(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The model's name on the server, the question, and which videos are asked about how."""
        found = await self.fingerprints(tmp_path)
        assert len(set(found)) == len(found)
        monkeypatch.setattr(caption_question, "INSTRUCTIONS", "other")
        assert set(found).isdisjoint((await self.fingerprints(tmp_path))[:5])

    async def test_off_changes_nothing(self) -> None:
        """A worker that asks nothing makes the signals of one without a chat model."""
        assert chat_fingerprint(None) == chat_fingerprint(await opened(**HERE, chat_model="m")) == ""

    def test_is_in_signals_of_the_frames_alone(self) -> None:
        """Other modalities do not depend on it."""
        for modality, agent in AGENTS.items():
            found = {provenance_of(agent, CARDS, {}, PLAN_POLICY, chat=chat).fingerprint for chat in ("", "m", "m2")}
            assert len(found) == (3 if modality == "frames" else 1)

    def test_a_chat_card_by_another_name_there(self) -> None:
        """Two models behind one card are two; the backend's part is in `tests/contract/test_servers_unavailable.py`."""
        found = set()
        for there in ("a", "b"):
            inference: Any = SimpleNamespace(how=lambda _name, there=there: f"openai-float32/{there}")
            provenance = engine_opening._provenance(inference, CARDS, PLAN_POLICY, read_settings())
            found.add(provenance()["frames"].fingerprint)
        assert len(found) == 2


async def test_captions_have_a_breaker_of_their_own() -> None:
    """A server that fails at captions is not asked for more of them, and models that decide do not wait for it."""
    breakers = Breakers(ManualClock())
    captions, models = WatchedServers(breakers, "chat"), WatchedServers(breakers)
    origin = "http://127.0.0.1:8000"
    for _ in range(FAILURES_TO_OPEN):
        captions.ended(ServerRequest(origin, "unavailable", 0.1, is_unavailable=True))

    await asyncio.sleep(0)
    with pytest.raises(ServerUnavailable) as unavailable:
        captions.require(origin)
    assert unavailable.value.origin == origin
    models.require(origin)


@dataclass
class CountingClient:
    """Answers when it is let; counts questions in flight."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    terms: list[RequestTerms] = field(default_factory=list)
    num_asked: int = 0
    most: int = 0

    async def ask(self, question: Question, terms: RequestTerms) -> ChatAnswer:
        self.terms.append(terms)
        self.num_asked += 1
        self.most = max(self.most, self.num_asked)
        await self.go.wait()
        self.num_asked -= 1
        return ChatAnswer("yes", "stop", ServerUsage("h:1", 0.0))


class TestAsking:
    async def test_questions_in_flight_are_limited(self) -> None:
        """The others wait for room, and have what is left of their time."""
        clock, client = ManualClock(), CountingClient()
        asker = LimitedAsker(client, 2, clock.monotonic_seconds)  # type: ignore[arg-type]
        asking = [asyncio.ensure_future(asker.ask(Question("?"), 60.0)) for _ in range(5)]
        for _ in range(10):
            await asyncio.sleep(0)
        clock.advance(10.0)
        client.go.set()
        await asyncio.gather(*asking)
        assert client.most == 2
        assert [terms.seconds_left for terms in client.terms] == [60.0, 60.0, 50.0, 50.0, 50.0]

    async def test_too_late(self) -> None:
        """With less time than a request needs nothing is sent, and the room is free again."""
        client = CountingClient()
        client.go.set()
        asker = LimitedAsker(client, 1, lambda: 0.0)  # type: ignore[arg-type]
        for seconds in (-1.0, 0.0, 0.4):
            with pytest.raises(TimeoutError):
                await asker.ask(Question("?"), seconds)
        assert (await asker.ask(Question("?"), 1.0)).text == "yes"
        assert len(client.terms) == 1
