"""One agent of the media role: what it reads and writes once, and what of another worker's it takes over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from operators.errors import Overloaded, ServerUnavailable
from operators.internal_errors import InternalError
from operators.judge.judge_answer import judge_evidence
from schemas.codec import encode, header
from schemas.evidence import Feature
from schemas.facts import Failure, Signal
from schemas.identity import MODALITIES
from schemas.topics import SIGNALS
from schemas.uploads import FileSource, VideoUploaded
from streams.analysis import modality_work, shared_upload
from streams.analysis.agents.analysis import Agent, AgentWork, Analysis
from streams.analysis.agents.signals import Provenance
from streams.analysis.modality_work import MediaParts, ModalityWork
from streams.costs.cpu_account import CpuAccount, CpuReading, SilentCpuObserver
from streams.delivery.admission import Slot
from streams.record import Place, Record
from streams.store.claims import Prior
from tests.fakes import ManualClock, MemoryPublisher

PLACE = Place("video.uploaded", 0, 5)
PROVENANCE = Provenance("fingerprint", 1, {})


@dataclass
class FirstClaims:
    """A store in which nothing was claimed; `other` is what another worker claims meanwhile."""

    other: bytes | None = None
    num_looked_up: int = 0

    async def look_up(self, video_id: str, names: tuple[str, ...]) -> Prior:
        self.num_looked_up += 1
        return Prior(None, 0)

    async def claim(self, video_id: str, name: str, value: bytes, *, revision: int, **_: Any) -> bytes:
        return self.other or value


@dataclass
class Letters:
    """Notes causes."""

    causes: list[str] = field(default_factory=list)

    async def write(self, record: Record, failure: Failure, **_: Any) -> None:
        self.causes.append(failure.cause)


class UndecodedSession:
    """Of which no agent wants anything."""

    async def receipt(self) -> None:
        return None

    def ended_receipt(self) -> None:
        return None


class Sessions:
    """Opens what nobody looks at."""

    @asynccontextmanager
    async def open(self, key: str, source: object) -> AsyncIterator[Any]:
        yield UndecodedSession()


@dataclass
class FakeEngine:
    """Whose servers may be away, and may get another version of a model while an analysis runs."""

    account: CpuAccount
    sessions: Sessions = field(default_factory=Sessions)
    provenance: dict[str, Provenance] = field(default_factory=lambda: dict.fromkeys(MODALITIES, PROVENANCE))
    never_reached: ServerUnavailable | None = None
    unavailable: ServerUnavailable | None = None
    steps: list[str] = field(default_factory=list)

    async def await_models(self, modality: str) -> None:
        if self.never_reached is not None:
            raise self.never_reached

    async def reach_models(self, modality: str) -> None:
        self.steps.append("reach")
        if self.unavailable is not None:
            raise self.unavailable

    def work(self, *asked: Any) -> Any:
        self.steps.append("work")
        return asked[-1]


class Role:
    """The agents of a media role whose analyses find nothing, and whose store another worker may write to first."""

    def __init__(self, other: bytes | None = None) -> None:
        self.publisher, self.dead_letters = MemoryPublisher(), Letters()
        self.account = CpuAccount(lambda: CpuReading(0.0), SilentCpuObserver())
        self.engine, self.claims = FakeEngine(self.account), FirstClaims(other)
        self.parts = MediaParts(self.claims, self.publisher, self.dead_letters, self.engine, ManualClock(), 60.0)  # type: ignore[arg-type]
        self.slot = Slot(PLACE, 1)

    async def run(self, record: Record) -> None:
        """Every agent on one event, each without media."""
        for modality in MODALITIES:
            await ModalityWork(Agent(modality, nothing_found, 1), self.parts).run(record, self.slot)
        await self.slot.close()


async def nothing_found(_: AgentWork) -> Analysis:
    return Analysis()


def record() -> Record:
    upload = VideoUploaded(video_id="v", source=FileSource(path="v.mp4"))
    return Record(PLACE, b"v", encode(upload), (), 1_700_000_000.0, generation=1)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """How often uploads are read, and signals encoded."""
    counts = {"read": 0, "encode": 0}

    def counting(name: str, work: Any) -> Any:
        def count(*asked: Any) -> Any:
            counts[name] += 1
            return work(*asked)

        return count

    monkeypatch.setattr(shared_upload, "read_upload", counting("read", shared_upload.read_upload))
    monkeypatch.setattr(modality_work, "encode", counting("encode", modality_work.encode))
    return counts


async def test_an_event_is_read_once_and_each_signal_encoded_once(counted: dict[str, int]) -> None:
    """However many agents meet the event, and although size, claim and publication each look at the bytes."""
    role = Role()
    await role.run(record())
    assert len(role.publisher.of(SIGNALS)) == len(MODALITIES)
    assert counted == {"read": 1, "encode": len(MODALITIES)}


async def test_what_another_worker_claimed_is_published(counted: dict[str, int]) -> None:
    """Its bytes under its headers, as the first bytes of a signal stand."""
    own = Role()
    await own.run(record())
    first = msgspec.json.decode(own.publisher.of(SIGNALS)[0].value, type=Signal)
    others = encode(msgspec.structs.replace(first, signal_id="first", produced_unix_seconds=7.0))
    role = Role(others)
    await role.run(record())
    assert {published.value for published in role.publisher.of(SIGNALS)} == {others}
    assert {header(published.headers, "ce_id") for published in role.publisher.of(SIGNALS)} == {b"first"}


async def test_a_signal_too_large_is_a_failure_of_its_own_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once the signal that came to nothing has left the account, so that no share is taken twice at once."""
    role, in_the_making = Role(), []
    share = role.account.share
    monkeypatch.setattr(role.account, "share", lambda: in_the_making.append(role.account._num_in_the_making) or share())
    monkeypatch.setattr(modality_work, "_LARGEST_SIGNAL_BYTES", 10)
    await role.run(record())
    signals = [msgspec.json.decode(published.value, type=Signal) for published in role.publisher.of(SIGNALS)]
    assert [signal.status for signal in signals] == ["failed"] * len(MODALITIES)
    assert role.dead_letters.causes == ["signal-too-large"]
    assert set(in_the_making) == {1}


@pytest.mark.parametrize("fault", [None, ValueError("broken")])
async def test_agents_tell_each_other_what_they_found(fault: Exception | None) -> None:
    """An agent that asks another one of the event gets its analysis, or that there is none, and never waits forever."""
    told: list[Analysis | None] = []
    found = Analysis(is_present=False)

    async def finds(_: AgentWork) -> Analysis:
        if fault is not None:
            raise fault
        return found

    async def asks(findings: Any) -> Analysis:
        told.append(await findings.of("audio", 60.0))
        return Analysis()

    role = Role()
    asking = asyncio.ensure_future(ModalityWork(Agent("frames", asks, 1), role.parts).run(record(), role.slot))
    await asyncio.sleep(0)
    with suppress(InternalError):
        await ModalityWork(Agent("audio", finds, 1), role.parts).run(record(), role.slot)
    await asking
    await role.slot.close()
    assert told == [None if fault else found]


async def test_what_a_chat_model_said_is_counted() -> None:
    """A caption by its state, and each answer of a judge by why it was asked."""

    async def says(_: Any) -> Analysis:
        state = Feature(value="late", event_unix_seconds=0.0, model="m@prompt-1")
        return Analysis(features={"visual.caption_state": state}, labels=judge_evidence({"a/b/c": "band"}, ["no"], 1))

    def counted() -> list[float | None]:
        return [
            REGISTRY.get_sample_value("vidsignal_captions_total", {"state": "late"}),
            REGISTRY.get_sample_value("vidsignal_judge_answers_total", {"asked_for": "band", "answer": "no"}),
        ]

    before, role = counted(), Role()
    await ModalityWork(Agent("frames", says, 1), role.parts).run(record(), role.slot)
    await role.slot.close()
    assert counted() == [(number or 0.0) + 1 for number in before]


UNAVAILABLE = ServerUnavailable("http://models.example:8000", "no connection")


async def test_a_server_that_was_never_reached() -> None:
    """The signal has no name yet: nothing is looked up and nothing is opened."""
    role = Role()
    role.engine.never_reached = UNAVAILABLE
    with pytest.raises(ServerUnavailable):
        await role.run(record())
    assert (role.claims.num_looked_up, role.engine.steps) == (0, [])


async def test_an_unavailable_server() -> None:
    """What was claimed before is looked up, and no media is decoded in vain."""
    role = Role()
    role.engine.unavailable = UNAVAILABLE
    with pytest.raises(ServerUnavailable):
        await role.run(record())
    assert (role.claims.num_looked_up, role.engine.steps) == (1, ["reach"])


async def test_a_failure_needs_no_server() -> None:
    """A video whose server did not come in time is answered."""
    role = Role()
    role.engine.never_reached = role.engine.unavailable = UNAVAILABLE
    work = ModalityWork(Agent("frames", nothing_found, 1), role.parts)
    await work.fail(record(), role.slot, Failure(cause="model-server-away", message=str(UNAVAILABLE)))
    await role.slot.close()
    (published,) = role.publisher.of(SIGNALS)
    assert msgspec.json.decode(published.value, type=Signal).status == "failed"


async def test_a_model_that_is_replaced_meanwhile() -> None:
    """Which version computed what is not known: nothing is published, and the event is done again, under the new
    name."""
    role, newer = Role(), Provenance("newer", 1, {})

    async def replaced(_: AgentWork) -> Analysis:
        role.engine.provenance = dict.fromkeys(MODALITIES, newer)
        return Analysis()

    work = ModalityWork(Agent("frames", replaced, 1), role.parts)
    with pytest.raises(Overloaded, match="a model of frames was replaced"):
        await work.run(record(), role.slot)
    assert role.publisher.of(SIGNALS) == []
    await work.run(record(), role.slot)
    await role.slot.close()
    (published,) = role.publisher.of(SIGNALS)
    assert msgspec.json.decode(published.value, type=Signal).fingerprint == "newer"
