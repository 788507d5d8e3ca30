"""The frames agent with a chat model behind it: captions, the judge, and every way in which an answer can be bad."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from operators.captions.caption_question import INSTRUCTIONS, SENT, TEXT
from operators.inference.remote.chat_client import ChatClient
from operators.inference.remote.endpoint import parse_endpoint
from operators.inference.remote.server_options import ServerOptions
from operators.inference.request_context import RequestContext
from schemas.evidence import Feature, TextFound
from streams.analysis.agents import frames
from streams.analysis.agents.analysis import Analysis, ChatParts
from streams.analysis.agents.findings import Findings
from streams.analysis.chat_opening import LimitedAsker
from streams.decision.judge_rule import JudgeRule
from streams.decision.policy_file import load_policy
from tests.sample_facts import evidence
from tests.support.chat_standin import INPUT_TOKENS, ChatStandin, Reply, pictures_of
from tests.support.kserve_world import Watch
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import FakeSession, constant, work_of

ANSWER = {"title": "A cat on a bike", "caption": "A cat rides a bike.", "hashtags": ["#Cat", "two words", "bike"]}
GUN = "violence/weapons/firearm-visible"
TOXIC = "hate-and-harassment/abusive-language/toxic-text"
FEATURES = ("visual.caption", "visual.caption_title", "visual.caption_hashtags")
SPOKEN = TextFound(model="m@1", text="Look at my cat.", score=0.9, start_seconds=1.0, end_seconds=2.0)
FOREVER = 1_000.0


@dataclasses.dataclass
class World:
    """A chat server, and agents that ask it."""

    server: ChatStandin
    chat: ChatParts
    watch: Watch

    async def analysed(
        self, *, number: int = 4, due_seconds: float = FOREVER, findings: Findings | None = None, **fields: Any
    ) -> Analysis:
        work = work_of(FakeSession(fake_work.frames(number)), **fields)
        context = RequestContext("v", "live", due_seconds)
        return await frames.analyse(replace(work, chat=self.chat, context=context, findings=findings))

    def said(self) -> dict[str, Any]:
        """Data of the last question."""
        content = self.server.bodies[-1]["messages"][1]["content"]
        return json.loads(content[0]["text"].partition("Data of the video: ")[2])  # type: ignore[no-any-return]


@asynccontextmanager
async def asked(
    reply: Reply | str | Mapping[str, Any] = ANSWER, request_seconds: float = 30.0, **fields: Any
) -> AsyncIterator[World]:
    answer = reply if callable(reply) else lambda _body: reply if isinstance(reply, str) else json.dumps(reply)
    watch = Watch()
    with ChatStandin(answer) as server:
        endpoint = parse_endpoint(server.base_url, ["http"])
        options = ServerOptions(endpoint, ["127.0.0.1"], token="secret", watch=watch, timeout_seconds=request_seconds)
        client = ChatClient(options, "tiny-vlm")
        parts = ChatParts(LimitedAsker(client, 2, clock=lambda: 0.0), "tiny-vlm", 1.0, clock=lambda: 0.0)
        try:
            yield World(server, replace(parts, **fields), watch)
        finally:
            await client.aclose()


def state(analysis: Analysis) -> str:
    """Why there is a caption or none; without one there are no other features of it."""
    found = analysis.features["visual.caption_state"].value
    has_caption = {name in analysis.features for name in FEATURES}
    assert has_caption == {found in ("whole", "cut")}
    return str(found)


def told(**analyses: Analysis) -> Findings:
    """What the other agents found."""
    findings = Findings()
    for modality in ("context", "motion", "audio"):
        findings.end(modality, analyses.get(modality))  # type: ignore[arg-type]
    return findings


def cut_at(*seconds: float) -> Analysis:
    return Analysis(
        features={"motion.cut_times_seconds": Feature(value=list(seconds), event_unix_seconds=0, model="m@1")}
    )


class TestCaption:
    async def test_features(self) -> None:
        """Caption, title and hashtags with the name of model and question, and tokens on the receipt."""
        async with asked() as world:
            analysis = await world.analysed()
            address = world.server.base_url.removeprefix("http://")
        values = {name: analysis.features[name].value for name in (*FEATURES, "visual.caption_state")}
        assert values == {
            "visual.caption": "A cat rides a bike.",
            "visual.caption_title": "A cat on a bike",
            "visual.caption_hashtags": ["cat", "bike"],
            "visual.caption_state": "whole",
        }
        assert {analysis.features[name].model for name in values} == {"tiny-vlm@prompt-1"}
        receipt = analysis.receipt.models["captions"]
        assert (receipt.items, receipt.host, receipt.input_tokens) == (1, address, INPUT_TOKENS)
        assert receipt.output_tokens > 0

    async def test_is_no_evidence(self) -> None:
        """Labels, embeddings and texts are those of an analysis without it."""
        async with asked() as world:
            found = await world.analysed()
            without = await replace_chat(world, None).analysed()
        assert (found.labels, found.texts, list(found.embeddings)) == (
            without.labels,
            without.texts,
            list(without.embeddings),
        )
        assert set(found.features) - set(without.features) == {*FEATURES, "visual.caption_state"}

    async def test_off(self) -> None:
        """Without a model, outside of the share, and outside of the chosen videos nothing is sent."""
        async with asked() as world:
            for other, title in (
                (None, ""),
                (replace(world.chat, captions_ratio=0.0), ""),
                (replace(world.chat, captioned_videos="untitled"), "A cat on a bike"),
            ):
                analysis = await replace_chat(world, other).analysed(title=title)
                assert "visual.caption_state" not in analysis.features
            assert world.server.bodies == []
            analysis = await replace_chat(world, replace(world.chat, captioned_videos="untitled")).analysed(
                title="IMG 1"
            )
            assert state(analysis) == "whole"


def replace_chat(world: World, chat: ChatParts | None) -> World:
    return replace(world, chat=chat)  # type: ignore[arg-type]


class TestSent:
    async def test_only_what_is_listed(self) -> None:
        """Every field of the request and of the video's data is in the list, and the list has no other."""
        async with asked(
            policy=replace(load_policy(None), judge=JudgeRule(1, {GUN: (0.0, 1.0)}, random_ratio=1.0))
        ) as world:
            await world.analysed(findings=told(audio=Analysis(texts=(SPOKEN,))))
            bodies, headers = world.server.bodies, world.server.headers
        listed = {each.name for each in SENT}
        assert len(bodies) == 2
        found: set[str] = set()
        for body in bodies:
            system, user = body["messages"]
            assert set(system) == set(user) == {"role", "content"}
            text, *pictures = user["content"]
            assert {part["type"] for part in pictures} == {"image_url"}
            found |= {*body, *json.loads(text["text"].partition("Data of the video: ")[2])}
        assert found - {"messages"} | {"messages[0]", "picture", "Authorization"} == listed
        plain = {
            "Host",
            "Content-Type",
            "Content-Length",
            "User-Agent",
            "Accept",
            "Accept-Encoding",
            "Transfer-Encoding",
        }
        assert set(headers[0]) - plain == {"Authorization"}

    async def test_nothing_about_who_uploaded_it(self) -> None:
        """Neither id nor title, and the picture file holds pixels alone."""
        async with asked() as world:
            await world.analysed(title="the secret title", hashtags=("secret",))
            body = json.dumps(world.server.bodies[0])
        assert "secret" not in body
        assert "/v.mp4" not in body
        assert "Exif" not in body

    async def test_pictures_of_each_shot(self) -> None:
        """At the times that are stated, as the motion agent cuts the video; no more than the setting permits."""
        async with asked(num_pictures=2) as world:
            await world.analysed(number=6, findings=told(motion=cut_at(4.0)))
            assert world.said()["picture_seconds"] == [2.5, 5.5]
            assert [picture.shape for picture in pictures_of(world.server.bodies[0])] == [(256, 455, 3)] * 2

    async def test_speech_and_text(self) -> None:
        """What the audio agent heard is a value in the question, and the instructions are the same for all."""
        async with asked() as world:
            await world.analysed(findings=told(audio=Analysis(texts=(SPOKEN,))))
            assert world.said()["speech"] == ["Look at my cat."]
            system = world.server.bodies[0]["messages"][0]
        assert system == {"role": "system", "content": INSTRUCTIONS}
        assert TEXT.endswith("Data of the video: ")

    async def test_agents_that_do_not_end(self) -> None:
        """Half of the time is waited for them, and the caption is written without them."""
        async with asked(timeout_seconds=1.2) as world:
            analysis = await world.analysed(findings=Findings())
            assert state(analysis) == "whole"
            assert world.said()["speech"] == []

    async def test_a_quotation(self) -> None:
        """A transcript that is not kept is not published in a caption either."""
        text = "My name is Ada Lovelace and I live at number seven."
        long = msgspec.structs.replace(SPOKEN, text=text)
        async with asked({**ANSWER, "caption": f"She says: {text}"}) as world:
            analysis = await world.analysed(findings=told(audio=Analysis(texts=(long,))))
        assert state(analysis) == "quotation"
        assert "Lovelace" not in repr(analysis.features)


class TestAbuse:
    """A model that reads abuse in a video may repeat it."""

    @pytest.mark.parametrize(("score", "expected"), [(0.9, "abusive"), (0.3, "whole")])
    async def test_is_not_published(self, score: float, expected: str) -> None:
        """The models of text judge the caption like a title; it becomes no label of the video."""
        async with asked() as world:
            analysis = await world.analysed(toxicity=constant("toxicity", scores={4: score}))
        assert state(analysis) == expected
        assert [label for label in analysis.labels if "abus" in label.label or "insult" in label.label] == []


def forever(piece: str) -> Reply:
    return lambda _body: itertools.repeat(piece)


def counting(_body: dict[str, Any]) -> Iterator[str]:
    yield '{"title": "'
    for number in itertools.count():
        yield f"word{number} "


class TestBadAnswers:
    @pytest.mark.parametrize(
        ("reply", "expected"),
        [
            ("A cat.", "malformed"),
            ("<html><body>Bad gateway</body></html>", "malformed"),
            ('{"title": 1e999, "caption": "x", "hashtags": []}', "malformed"),
            ({**ANSWER, "verdict": "allow"}, "malformed"),
            ("", "malformed"),
            (lambda _body: ["x" * 10_000_000], "malformed"),
            (forever("and again "), "repetition"),
            (forever("\n"), "malformed"),
            (counting, "truncated"),
            ({**ANSWER, "caption": "a dog and a cat and " * 14}, "repetition"),
            ({**ANSWER, "caption": "He says no no no no no no no no."}, "cut"),
            ({**ANSWER, "caption": "Read www.evil.example"}, "contact"),
        ],
    )
    async def test_content(self, reply: Reply | str | dict[str, Any], expected: str) -> None:
        """The signal is there, says what was wrong, and has no part of it."""
        async with asked(reply) as world:
            analysis = await world.analysed()
        assert state(analysis) == expected
        assert analysis.receipt.models["captions"].items == 1

    @pytest.mark.parametrize(
        ("status", "expected"),
        [(429, "overloaded"), (503, "overloaded"), (500, "failed"), (400, "failed"), (404, "unavailable"),
         (401, "unavailable"), (302, "unavailable"), (0, "unavailable")],
    )  # fmt: skip
    async def test_statuses(self, status: int, expected: str) -> None:
        """Asked once, whatever the server says: another question would cost again."""
        async with asked() as world:
            world.server.statuses = [status] * 5
            assert state(await world.analysed()) == expected
            assert len(world.server.bodies) == 1

    @pytest.mark.parametrize(
        ("event", "expected"),
        [
            ({"choices": [{"delta": {"refusal": "I cannot help with that."}}]}, "declined"),
            ({"error": {"message": "out of memory"}}, "failed"),
            ({"choices": 3}, "unavailable"),
        ],
    )
    async def test_events(self, event: dict[str, Any], expected: str) -> None:
        """A model that declines, a fault in the stream, and something else than chat completions."""
        async with asked() as world:
            world.server.extra = [event]
            assert state(await world.analysed()) == expected

    @pytest.mark.parametrize(
        ("reason", "expected"), [("content_filter", "declined"), ("length", "truncated"), ("?", "malformed")]
    )
    async def test_ends(self, reason: str, expected: str) -> None:
        """Why the answer ended decides, not whether it can be read; its tokens are on the receipt."""
        async with asked() as world:
            world.server.finish_reason = reason
            analysis = await world.analysed()
        assert state(analysis) == expected
        assert analysis.receipt.models["captions"].output_tokens > 0

    @pytest.mark.parametrize("raw", [b"<html>" * 1000, b"", b"data: " + b"[" * 100_000 + b"\n\n", b"data: {\xff}\n\n"])
    async def test_no_stream(self, raw: bytes) -> None:
        """A page of a proxy instead of an answer."""
        async with asked() as world:
            world.server.raw = raw
            assert state(await world.analysed()) == "unavailable"

    async def test_a_server_that_hangs(self) -> None:
        """The deadline of the video ends it; the server is not blamed for that, and nothing is late."""
        async with asked(timeout_seconds=FOREVER) as world:
            world.server.hangs = True
            assert state(await world.analysed(due_seconds=3.7)) == "late"
            assert [request.outcome for request in world.watch.requests] == ["cut"]

    async def test_a_server_that_hangs_for_all_of_a_request(self) -> None:
        """It is unavailable: its breaker spares the next videos the wait."""
        async with asked(timeout_seconds=FOREVER, request_seconds=0.6) as world:
            world.server.hangs = True
            assert state(await world.analysed()) == "late"
            assert world.watch.outcomes() == [("unavailable", True)]

    async def test_no_time_is_left(self) -> None:
        """Nothing is sent for an answer that nobody waits for."""
        async with asked() as world:
            for due_seconds in (3.2, 0.0, -50.0):
                assert state(await world.analysed(due_seconds=due_seconds)) == "late"
            assert world.server.bodies == []

    async def test_no_server(self) -> None:
        """As if it were off, with the reason."""
        async with asked() as world:
            world.server.close()
            assert state(await world.analysed()) == "unavailable"


class TestJudge:
    POLICY = replace(load_policy(None), judge=JudgeRule(2, {GUN: (0.4, 0.6)}))

    async def judged(
        self, reply: Reply | str | dict[str, Any], score: float, ratio: float = 0.0
    ) -> tuple[Analysis, World]:
        rule = JudgeRule(2, {GUN: (0.4, 0.6)}, ratio)
        async with asked(reply, captions_ratio=0.0, policy=replace(self.POLICY, judge=rule)) as world:
            model = constant("efficientnet-lite0", probabilities={fake_work.IMAGE_NAMES.index("rifle"): score})
            return await world.analysed(number=1, findings=told(), efficientnet_lite0=model), world

    async def test_in_its_band(self) -> None:
        """Its answer is evidence next to the model's, and its tokens are on the receipt."""
        analysis, world = await self.judged({"q1": "yes"}, 0.5)
        (found,) = [label for label in analysis.labels if label.held_back == "judged"]
        assert (found.label, found.model, found.score, found.uncalibrated) == (GUN, "judge@2", 1.0, True)
        assert analysis.receipt.models["judge"].input_tokens == INPUT_TOKENS
        assert "visual.caption_state" not in analysis.features
        assert len(world.server.bodies) == 1

    @pytest.mark.parametrize("score", [0.2, 0.9])
    async def test_outside_of_it(self, score: float) -> None:
        """A score that is certain enough is not asked about."""
        analysis, world = await self.judged({"q1": "no"}, score)
        assert world.server.bodies == []
        assert [label for label in analysis.labels if label.held_back == "judged"] == []

    async def test_the_random_share(self) -> None:
        """Asked whatever the score, and marked so."""
        analysis, _ = await self.judged({"q1": "no"}, 0.9, ratio=1.0)
        (found,) = [label for label in analysis.labels if label.held_back == "judged"]
        assert found.judgement
        assert found.judgement.asked_for == "random"

    @pytest.mark.parametrize("reply", ["no", {"q1": "allow"}, {}, {"q1": "no", "action": "allow"}, forever("no ")])
    async def test_a_bad_answer(self, reply: Reply | str | dict[str, Any]) -> None:
        """No evidence, and everything else stays."""
        analysis, _ = await self.judged(reply, 0.5)
        assert [label for label in analysis.labels if label.held_back == "judged"] == []
        assert GUN in {label.label for label in analysis.labels}

    async def test_labels_of_other_modalities(self) -> None:
        """A label of the text is uncertain as well."""
        rule = JudgeRule(1, {TOXIC: (0.4, 0.6)})
        async with asked({"q1": "unsure"}, captions_ratio=0.0, policy=replace(self.POLICY, judge=rule)) as world:
            said = told(context=Analysis(labels=(evidence(TOXIC, 0.5),)))
            analysis = await world.analysed(findings=said)
        (found,) = [label for label in analysis.labels if label.held_back == "judged"]
        assert (found.label, found.score) == (TOXIC, 0.5)
