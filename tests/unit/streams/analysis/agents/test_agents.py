"""The four agents on fake media and models: what they state, and how they fail."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np
import pytest
from msgspec import UNSET

from models.card_registry import CARDS
from operators.audio.speech.recogniser import ANY_MODEL, ENGLISH_MODEL
from operators.context.prototype_scorer import PrototypeScorer
from operators.context.prototypes import Prototypes
from operators.errors import DeviceFault, InvalidMedia
from operators.media.index import UnseenTrack
from operators.media.tracks import TextPicture
from schemas.features import FEATURES
from schemas.identity import MODALITIES, Modality
from schemas.labels import LABELS
from streams.analysis.agents import audio, context, frames, motion, text_judging
from streams.analysis.agents.agent_registry import AGENTS, checked_agents
from streams.analysis.agents.analysis import Analysis
from streams.analysis.agents.on_screen_text import DETECTION, RECOGNITION
from tests.support.painted_lines import PaintedReaders
from tests.unit.streams.analysis.agents import fake_work
from tests.unit.streams.analysis.agents.fake_work import FakeBatcher, FakeSession, constant, work_of

GENERAL = "hate-and-harassment/abusive-language/toxic-text"


def whole_session() -> FakeSession:
    """A video with pictures, motion and sound."""
    return FakeSession(fake_work.frames(4), fake_work.motion_track(), fake_work.audio_track())


def value(analysis: Analysis, name: str) -> object:
    return analysis.features[name].value


def scores(analysis: Analysis) -> dict[str, float]:
    """Level-3 label to score."""
    return {label.label.rsplit("/", 1)[1]: round(label.score, 6) for label in analysis.labels}


class TestEveryAgent:
    @pytest.mark.parametrize("modality", MODALITIES)
    async def test_states_only_what_is_declared(self, modality: Modality) -> None:
        """Features are declared for the agent's modality, labels for the taxonomy; times are those of the event."""
        analysis = await AGENTS[modality].analyse(work_of(whole_session(), title="A cat on my bike"))

        assert analysis.is_present
        assert analysis.features
        assert {modality} == {FEATURES[name].modality for name in analysis.features}
        assert {feature.event_unix_seconds for feature in analysis.features.values()} == {fake_work.EVENT_UNIX_SECONDS}
        assert {label.label for label in analysis.labels} <= set(LABELS)
        assert all(space == embedding.space for space, embedding in analysis.embeddings.items())

    @pytest.mark.parametrize("modality", MODALITIES)
    async def test_covers_its_features(self, modality: Modality) -> None:
        """A whole video with text gets every feature that is declared for the modality."""
        session = whole_session()
        session.motion_track = fake_work.motion_track(shift_px=2)
        session.unseen = (UnseenTrack("video", 2, "h264"), UnseenTrack("audio", 3, "aac"))
        work = work_of(session, title="A cat on my bike", silero_vad=fake_work.speaking())
        readers = PaintedReaders()
        pixels = readers.picture(("A cat on my bike", 0.9), ("", 0.0))
        session.text_pictures_found = (TextPicture(0.5, pixels, (0.5, 1.5)),)
        parts = {"speech": fake_work.speech_parts(), "chat": fake_work.chat_parts()}
        whole = dataclasses.replace(work, readers=readers, **parts)  # type: ignore[arg-type]
        analysis = await AGENTS[modality].analyse(whole)

        assert {name for name, spec in FEATURES.items() if spec.modality == modality} == set(analysis.features)

    @pytest.mark.parametrize("modality", MODALITIES)
    async def test_absent_stream(self, modality: Modality) -> None:
        """Media or an upload without anything for the agent is an ok answer with nothing in it."""
        analysis = await AGENTS[modality].analyse(work_of(FakeSession()))

        assert not analysis.is_present
        assert (analysis.labels, analysis.features, analysis.embeddings) == ((), {}, {})

    @pytest.mark.parametrize("modality", ["frames", "audio", "motion"])
    async def test_invalid_media(self, modality: Modality) -> None:
        """The session's own error object reaches the caller, wrapped in nothing."""
        failure = InvalidMedia("media-unreadable", "no such container")

        with pytest.raises(InvalidMedia) as raised:
            await AGENTS[modality].analyse(work_of(FakeSession(failure=failure)))
        assert failure is raised.value

    @pytest.mark.parametrize("modality", MODALITIES)
    async def test_labels_of_cards(self, modality: Modality) -> None:
        """Every label that a card of the modality maps to is stated, however low it scored."""
        analysis = await AGENTS[modality].analyse(work_of(whole_session(), title="A cat on my bike"))

        promised = {source.label for card in CARDS.values() if card.modality == modality for source in card.labels}
        assert promised == {label.label for label in analysis.labels}


class TestMotionOfAPart:
    async def test_what_was_not_looked_at_is_said(self) -> None:
        """Two seconds of four were looked at: the shots found there are a lower bound, and the share reports it."""
        session = FakeSession(fake_work.frames(4), fake_work.motion_track(num_frames=24))
        analysis = await motion.analyse(work_of(session))

        assert value(analysis, "motion.observed_ratio") == pytest.approx(0.55, abs=0.06)
        assert value(analysis, "motion.num_shots") == 2


class TestFrames:
    async def test_statement(self) -> None:
        """Tags, evidence with time, an embedding, hashes and the receipt of eight model inputs."""
        analysis = await frames.analyse(
            work_of(
                whole_session(),
                efficientnet_lite0=constant("efficientnet-lite0", probabilities={3: 0.85, 2: 0.15}),
                opennsfw=constant("opennsfw", nsfw={0: 0.5}),
            )
        )

        assert [tag["name"] for tag in value(analysis, "visual.tags")] == ["cat"]  # type: ignore[attr-defined]
        found = {label: score for label, score in scores(analysis).items() if score > 0}
        assert found == {"nudity": 0.5, "firearm-visible": 0.15}
        assert [(0.5, 4.0)] == [
            (s.start_seconds, s.end_seconds)
            for s in next(each for each in analysis.labels if each.label.endswith("nudity")).segments
        ]
        assert analysis.embeddings["efficientnet-lite0/1280"].dimensions == 1280
        assert len(value(analysis, "visual.perceptual_hashes")) == 4  # type: ignore[arg-type]
        assert value(analysis, "visual.coverage_ratio") == 0.75
        assert (640, 360) == (value(analysis, "visual.width_px"), value(analysis, "visual.height_px"))

    async def test_receipt(self) -> None:
        """Device time of every answer, host time of frames, hashes and what detectors get, means over the answers."""
        receipt = (await frames.analyse(work_of(whole_session()))).receipt

        num_items = 4 * 2 + 3 * 2  # two models see every frame, the detectors three
        assert receipt.items == num_items
        assert receipt.device_seconds == pytest.approx(num_items * fake_work.DEVICE_SECONDS)
        assert receipt.cpu_seconds == pytest.approx((5 + 1 + 3) * fake_work.HOST_CPU_SECONDS)
        assert (8.0, 2.0) == (receipt.batch_items_mean, receipt.batch_videos_mean)
        assert receipt.decode is None

    async def test_does_not_wait_for_the_decode(self) -> None:
        """The first frame is with the models before the second is decoded."""
        nudity = constant("opennsfw")
        seen_before: list[int] = []

        async def before_frame(_number: int) -> None:
            for _ in range(10):
                await asyncio.sleep(0)
            seen_before.append(len(nudity.items))

        session = FakeSession(fake_work.frames(3), before_frame=before_frame)
        await frames.analyse(work_of(session, opennsfw=nudity))

        assert seen_before == [0, 1, 2]

    async def test_media_fails_midway(self) -> None:
        """A decode that breaks after some frames fails the analysis with its own error."""
        failure = InvalidMedia("media-decoder-died", "the decoder is gone")

        with pytest.raises(InvalidMedia) as raised:
            await frames.analyse(work_of(FakeSession(fake_work.frames(2), failure=failure)))
        assert failure is raised.value

    async def test_device_fails(self) -> None:
        """So does a device, without waiting for frames that never come."""

        def broken(_item: np.ndarray) -> tuple[np.ndarray, ...]:
            raise DeviceFault("lost")

        async def before_frame(number: int) -> None:
            await asyncio.sleep(0) if number < 2 else await asyncio.Event().wait()

        session = FakeSession(fake_work.frames(3), before_frame=before_frame)
        with pytest.raises(DeviceFault, match="lost"):
            await frames.analyse(work_of(session, opennsfw=FakeBatcher(broken)))


class TestAudio:
    async def test_statement(self) -> None:
        """Events, cues, voices, music, loudness and an embedding."""
        analysis = await audio.analyse(
            work_of(
                whole_session(),
                yamnet=constant("yamnet", scores={132: 0.9, 300: 0.4}),
                silero_vad=constant("silero-vad", speech=dict.fromkeys(range(64), 0.9)),
            )
        )

        assert value(analysis, "audio.music_ratio") == 1.0
        assert value(analysis, "audio.silence_ratio") == 0.0
        assert value(analysis, "audio.speech_ratio") == pytest.approx(64 * 0.032 / 4.0)
        assert value(analysis, "audio.voice_segments") == [{"start_seconds": 0.0, "end_seconds": 2.048}]
        assert value(analysis, "audio.analysed_seconds") == 4.0
        heard = {"explosion-heard": 0.0, "screaming-heard": 0.0, "cries-heard": 0.0, "siren-heard": 0.0}
        assert scores(analysis) == {"gunfire-heard": 0.4, **heard}
        assert analysis.embeddings["yamnet/1024"].dimensions == 1024

    async def test_a_closer_look(self) -> None:
        """Where the first windows are suspect of a label, those between are heard as well, and count for the label
        alone."""
        quiet = constant("yamnet", scores={132: 0.9, 300: 0.04})
        suspect = constant("yamnet", scores={132: 0.9, 300: 0.05})

        found = [await audio.analyse(work_of(whole_session(), yamnet=each)) for each in (quiet, suspect)]

        assert [each.receipt.items for each in found] == [6, 9]

    async def test_items(self) -> None:
        """Four seconds are five windows of sound and one of voice."""
        assert (await audio.analyse(work_of(whole_session()))).receipt.items == 6

    async def test_silent_and_short(self) -> None:
        """What cannot be measured is left out: no loudness of 0.1 s, no peak of zeros."""
        track = fake_work.audio_track(0.1)
        silent = type(track)(np.zeros_like(track.speech), np.zeros_like(track.full_band), track.spans)
        analysis = await audio.analyse(work_of(FakeSession(audio_track=silent)))

        assert {"audio.loudness_lufs", "audio.peak_dbfs"}.isdisjoint(analysis.features)
        assert value(analysis, "audio.silence_ratio") == 1.0


class TestMotion:
    async def test_statement(self) -> None:
        """One cut between two still pictures; nothing moves; pairs are the items, no device is used."""
        analysis = await motion.analyse(work_of(whole_session()))

        assert value(analysis, "motion.cut_times_seconds") == [2.0]
        assert value(analysis, "motion.num_shots") == 2
        assert value(analysis, "motion.mean_shot_seconds") == 2.0
        assert value(analysis, "motion.cuts_per_minute") == 15.0
        assert value(analysis, "motion.mean_energy") == 0.0
        assert value(analysis, "motion.static_ratio") == 1.0
        assert value(analysis, "motion.pace") == "medium"
        assert analysis.receipt.items == 8
        assert analysis.receipt.device_seconds == 0.0


class TestContext:
    async def test_statement(self) -> None:
        """Both votes, language, hashtags, embedding; the media is not touched."""
        session = whole_session()
        analysis = await context.analyse(
            work_of(
                session,
                title="You stupid cat video #Cat",
                hashtags=("bike",),
                toxicity=constant("toxicity", scores={0: 0.9, 4: 0.7}),
            )
        )

        assert scores(analysis)["toxic-text"] == 0.9
        assert scores(analysis)["insult-in-text"] == 0.7
        assert scores(analysis)["offensive-text"] == 0.5
        assert value(analysis, "context.hashtags") == ["bike", "cat"]
        assert value(analysis, "context.language") == "en"
        assert value(analysis, "context.is_abuse_judged") == 1.0
        assert value(analysis, "context.achieved_ratio") == 1.0
        assert analysis.embeddings["all-minilm-l6-v2/384"].dimensions == 384
        assert not session.touched

    async def test_prototypes(self) -> None:
        """The comparison gives labels of its own, and the other models' labels its vote."""
        labels = {"violence/threats/threat-in-text": ("a", "b"), GENERAL: ("c", "d")}
        prototypes = Prototypes("house", 1, "0" * 64, {}, GENERAL, labels, ("e", "f"))
        ones = np.full((6, 384), 384**-0.5, np.float32) * np.array([[1], [1], [1], [1], [-1], [-1]], np.float32)
        same = FakeBatcher(lambda _item: (ones[0],))
        work = work_of(FakeSession(), title="A cat on my bike", all_minilm_l6_v2=same)

        found = await context.analyse(dataclasses.replace(work, prototypes=PrototypeScorer(prototypes, ones)))

        by_model = {label.model.split("@")[0]: label for label in found.labels if label.label != GENERAL}
        threat = by_model["text-prototypes"]
        assert threat.score > 0.9
        assert by_model["toxicity"].second_vote == by_model["profanity"].second_vote == threat.score
        assert threat.second_vote is UNSET
        assert len(same.items) == len({item.tobytes() for item in same.items})  # what is alike is embedded once

    async def test_other_language(self) -> None:
        """Text that the models of abuse cannot read gets no label, and a feature that reports it."""
        toxicity = constant("toxicity", scores={0: 0.9})
        analysis = await context.analyse(
            work_of(FakeSession(), title="Die Katze und die Kinder", language="de", toxicity=toxicity)
        )

        assert analysis.labels == ()
        assert value(analysis, "context.is_abuse_judged") == 0
        assert toxicity.items == []

    async def test_nothing_embedded(self) -> None:
        """A zero vector, which is what the model makes of nothing, is left out."""
        zeros = FakeBatcher(lambda _item: (np.zeros(384, np.float32),))
        work = work_of(FakeSession(), title="A cat on my bike", all_minilm_l6_v2=zeros)

        assert (await context.analyse(work)).embeddings == {}


class TestRegistry:
    def test_one_agent_a_modality(self) -> None:
        """Every modality has its agent, in the order of the documents."""
        assert tuple(AGENTS) == MODALITIES

    def test_every_card_is_used(self) -> None:
        """No model is shipped that no agent runs: as its card says, or through the operator of its use."""
        uses = {card.use for card in CARDS.values() if card.prepared is None}
        used = {audio.SOUNDS.use, audio.VOICES.use, text_judging.TOXICITY.use, text_judging.PROFANITY.use}
        used |= {CARDS[ENGLISH_MODEL].use, CARDS[ANY_MODEL].use, DETECTION.use, RECOGNITION.use}
        assert uses == used | {text_judging.LANGUAGE.use, text_judging.MEANING.use}

    def test_two_of_one_modality(self) -> None:
        """And two agents of one modality."""
        with pytest.raises(ValueError, match="motion"):
            checked_agents((AGENTS["motion"], AGENTS["motion"]))
