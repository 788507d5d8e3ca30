"""Speech in the audio agent: who is transcribed, and what is stated of a transcript."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from operators.context.recognised_labels import SPOKEN_ABUSE
from operators.inference.request_context import ModelOutput
from streams.analysis.agents import audio
from streams.analysis.agents.agent_registry import AGENTS
from streams.analysis.agents.agent_usage import AgentUsage
from streams.analysis.agents.analysis import Analysis
from streams.analysis.agents.signals import Provenance, ok_signal
from streams.analysis.agents.speech import SPEECH_SPACE
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import (
    FakeBatcher,
    FakeRecogniser,
    FakeSession,
    ImmediateHost,
    constant,
    work_of,
)

SHOOTING = {"scores": {300: 0.9}}


async def analysed(
    recogniser: FakeRecogniser, ratio: float = 1.0, *, is_batched: bool = False, **fields: object
) -> Analysis:
    """Analyse a sound in which somebody speaks all the time."""
    session = FakeSession(audio_track=fake_work.audio_track())
    work = work_of(session, **{"silero_vad": fake_work.speaking(), **fields})  # type: ignore[arg-type]
    parts = fake_work.speech_parts(recogniser, ratio, is_batched=is_batched)
    return await audio.analyse(dataclasses.replace(work, speech=parts))


class TestSelection:
    async def test_not_drawn(self) -> None:
        """Most videos are not transcribed, and no feature reports it."""
        recogniser = FakeRecogniser()
        analysis = await analysed(recogniser, ratio=1e-9)
        assert recogniser.asked == []
        assert analysis.texts == ()
        assert not {name for name in analysis.features if "spoken" in name or "transcribed" in name}

    async def test_suspicious_sound(self) -> None:
        """Shots are heard: then what is said is heard as well."""
        recogniser = FakeRecogniser()
        await analysed(recogniser, ratio=1e-9, yamnet=constant("yamnet", **SHOOTING))
        assert len(recogniser.asked) == 1

    async def test_suspicious_title(self) -> None:
        """The linear model is undecided about any title here, which is suspicious enough."""
        recogniser = FakeRecogniser()
        await analysed(recogniser, ratio=1e-9, title="You stupid cat on my bike")
        assert len(recogniser.asked) == 1

    async def test_no_voice(self) -> None:
        """No model is asked about sound without speech."""
        recogniser = FakeRecogniser()
        await analysed(recogniser, silero_vad=constant("silero-vad"))
        assert recogniser.asked == []

    @pytest.mark.parametrize(("language", "is_english"), [("en", True), ("de", False)])
    async def test_language_of_the_title(self, language: str, is_english: bool) -> None:
        """Decides which model is asked first."""
        recogniser = FakeRecogniser()
        await analysed(recogniser, title="A title of several words", language=language)
        assert recogniser.asked[0][1] == is_english


class TestStatement:
    async def test_of_a_transcript(self) -> None:
        """Texts with times and language, features, an embedding of its own, and the model on the receipt."""
        analysis = await analysed(
            FakeRecogniser(("A cat is on my bike.", "It is a very fat cat, and it does not move."))
        )

        assert [(text.text[:8], text.start_seconds, text.end_seconds, text.language) for text in analysis.texts] == [
            ("A cat is", 0.0, 1.0, "en"),
            ("It is a ", 1.0, 2.0, "en"),
        ]
        assert analysis.features["audio.spoken_language"].value == "en"
        assert analysis.features["audio.num_spoken_words"].value == 17
        assert analysis.features["audio.transcribed_ratio"].value == 1.0
        assert analysis.embeddings[SPEECH_SPACE].dimensions == 384
        assert analysis.receipt.models["whisper-base"].cpu_seconds == fake_work.SPEECH_CPU_SECONDS
        assert analysis.receipt.cpu_seconds > fake_work.SPEECH_CPU_SECONDS

    async def test_of_abuse(self) -> None:
        """The label of speech with the seconds; words that scored are named, and nothing around them."""
        analysis = await analysed(
            FakeRecogniser(("You are stupid and I will find you some day.",)),
            toxicity=constant("toxicity", scores={4: 0.9}),
        )
        (found,) = (label for label in analysis.labels if label.label == SPOKEN_ABUSE)
        assert [(part.start_seconds, part.end_seconds) for part in found.segments] == [(0.0, 1.0)]
        assert found.text.part == "speech"  # type: ignore[union-attr]
        assert "find you" not in repr(analysis.labels)

    async def test_nothing_heard(self) -> None:
        """The share is stated, and no language."""
        analysis = await analysed(FakeRecogniser(()))
        assert analysis.texts == ()
        assert "audio.spoken_language" not in analysis.features
        assert analysis.features["audio.transcribed_ratio"].value == 1.0

    async def test_another_language(self) -> None:
        """The models of abuse are not asked about what they do not know; the transcript and its language are there."""
        toxicity: FakeBatcher = constant("toxicity", scores={0: 0.9})
        analysis = await analysed(
            FakeRecogniser(("Die Katze ist auf dem Fahrrad.",), "de"), language="de", toxicity=toxicity
        )
        assert toxicity.items == []
        assert analysis.features["audio.spoken_language"].value == "de"
        assert SPOKEN_ABUSE not in {label.label for label in analysis.labels}

    async def test_no_transcript_in_the_signal(self) -> None:
        """What is said is in no record of the log."""
        analysis = await analysed(FakeRecogniser(("Nobody may keep this sentence of mine.",)))
        work = work_of(FakeSession())
        signal = ok_signal(AGENTS["audio"], work.upload, analysis, Provenance("f", 1, {}), now_unix_seconds=0.0)
        assert analysis.texts
        assert "sentence" not in repr(signal)


class TestOnAccelerators:
    """Encoders run in batches, and the search for words next to them."""

    @staticmethod
    def encoder(value: float) -> FakeBatcher:
        return FakeBatcher(lambda _item: (np.full((1500, 4), value, np.float32),))

    async def test_each_window_is_encoded_by_the_batcher(self) -> None:
        """The spectrogram goes to the batcher of the model, and its answer to the decoder; the receipt has both."""
        recogniser, encoder = FakeRecogniser(), self.encoder(3.0)
        analysis = await analysed(recogniser, is_batched=True, whisper_base=encoder)
        ((model, (encoded,)),) = recogniser.decoded

        assert (model, [item.shape for item in encoder.items]) == ("whisper-base", [(80, 3000)])
        assert encoded.min() == encoded.max() == 3.0
        assert recogniser.asked == []
        assert analysis.texts[0].text == "A cat is on my bike."
        assert analysis.receipt.device_seconds > 0
        assert analysis.receipt.models["whisper-base"].cpu_seconds == fake_work.SPEECH_CPU_SECONDS

    def test_both_parts_are_on_the_receipt(self) -> None:
        """What the device computed of a model, and what a host thread did, are one entry."""
        tally = AgentUsage(ImmediateHost())
        output = ModelOutput((), 0.2, 1, 1, 0.1, "whisper-base", "ctranslate2-bfloat16")
        tally.add([output])
        tally.spend_on_models({"whisper-base": 0.5}, "ctranslate2-bfloat16")
        receipt = tally.receipt().models["whisper-base"]
        assert (receipt.items, receipt.device_seconds, receipt.cpu_seconds) == (1, 0.2, pytest.approx(0.6))
        assert tally.receipt().cpu_seconds == 0.5

    @pytest.mark.parametrize(
        ("score", "models"), [(0.9, ["whisper-tiny-en"]), (0.3, ["whisper-tiny-en", "whisper-base"])]
    )
    async def test_the_title_may_mislead(self, score: float, models: list[str]) -> None:
        """What the English model is not sure of goes to the batcher of the other one."""
        recogniser, encoder = FakeRecogniser(english_score=score), self.encoder(1.0)
        await analysed(
            recogniser,
            is_batched=True,
            title="A title of several words",
            whisper_tiny_en=encoder,
            whisper_base=encoder,
        )
        assert [model for model, _ in recogniser.decoded] == models
        assert len(encoder.items) == len(models)
