"""Questions for captions and of the judge on a real llama.cpp server: mechanics, since its small model has no eyes."""

from __future__ import annotations

import pytest

from operators.captions.caption_answer import caption_of
from operators.captions.caption_question import ShownVideo, caption_question
from operators.captions.caption_states import CAPTION_STATES
from operators.inference.loaded_model import NO_TERMS
from operators.inference.remote.chat_client import BadAnswer
from operators.judge.judge_answer import answers_of
from operators.judge.judge_question import ANSWERS, judge_question
from ops.bench.servers.chat_run import chat_client
from ops.bench.servers.real_servers import RealServer
from schemas.evidence import TextFound

pytestmark = pytest.mark.slow

SAID = TextFound(
    model="m@1", text="Today we bake bread with my grandmother.", score=0.9, start_seconds=0.0, end_seconds=4.0
)
VIDEO = ShownVideo([], [SAID])


async def test_a_caption(server: RealServer) -> None:
    """The server takes the schema, counts tokens unless it was stopped in a loop, and its answer becomes a caption or
    says why not."""
    async with chat_client(server) as client:
        answer = await client.ask(caption_question(VIDEO), NO_TERMS)
    assert answer.usage.input_tokens > 100 or answer.ended == "repetition"
    assert answer.usage.output_tokens > 3
    found = caption_of(answer, [SAID.text])
    assert found.state in CAPTION_STATES
    assert found.state != "malformed"


async def test_a_judgement(server: RealServer) -> None:
    """One of the allowed words for each question, whatever it is worth."""
    meanings = {"a": "A firearm can be seen.", "b": "Abuse is spoken."}
    async with chat_client(server) as client:
        answer = await client.ask(judge_question(VIDEO, meanings), NO_TERMS)
    try:
        assert set(answers_of(answer, 2)) <= set(ANSWERS)
    except BadAnswer:
        assert answer.ended != "stop"
