"""All sample clips through a real Kafka, a real Redis and a real worker: what is said of them is true of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import msgspec
import numpy as np
import pytest

from operators.energy import RaplPackages
from ops.assets import SAMPLE_CLIPS, SampleClip
from ops.local.redis_server import RedisServer
from ops.local.scratch import scratch_dir
from schemas.codec import EVENT_TYPES, decode_fact, header
from schemas.facts import Accepted, Fact, Signal
from schemas.features import FEATURES
from schemas.identity import MODALITIES
from schemas.outcomes import RecommendationRecord, Verdict
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS, TOPICS, UPLOADED
from schemas.uploads import VideoUploaded
from streams.kafka.clients import StoredRecord
from streams.recovery.result_comparison import compare, read_projection_from_redis, read_projection_from_topics
from streams.store.keys import Keys
from streams.store.readers import VideoReading
from tests.clip_facts import CLIP_FACTS, SAME_PICTURES, ClipFacts
from tests.pipeline import Pipeline, await_value, upload_of

pytestmark = pytest.mark.slow

CUT_TOLERANCE_SECONDS = 0.1
SAME_PICTURE_BITS = 60
"""Of 256; two unrelated pictures differ in 128 on average."""
BY_COMMAND = "park.mp4"
"""Published by `vidsignal publish`; the others as any producer would."""
IMAGE_SPACE = "efficientnet-lite0/1280"
SOUND_SPACE = "yamnet/1024"
ABUSE = ("hate-and-harassment/", "profanity/")

CLIPS = pytest.mark.parametrize("name", CLIP_FACTS)
WITH_PICTURES = pytest.mark.parametrize("name", [name for name, facts in CLIP_FACTS.items() if facts.pictures])
WITH_SOUND = pytest.mark.parametrize("name", [name for name, facts in CLIP_FACTS.items() if facts.sound])


def sample_upload(clip: SampleClip, folder: Path) -> VideoUploaded:
    """A clip with the words of its imagined creator; its video id is its file name."""
    text = clip.upload
    if text is None:
        return upload_of(folder / clip.file_name, clip.file_name)
    return upload_of(
        folder / clip.file_name,
        clip.file_name,
        title=text.title,
        description=text.description,
        hashtags=text.hashtags,
        creator_id="tests",
        market="DE",
    )


@dataclass(frozen=True)
class Walk:
    """All clips, after their walk."""

    pipeline: Pipeline
    published: CompletedProcess[str]
    """How `vidsignal publish` ended, which published one of the clips."""
    at_intake: Mapping[str, VideoReading | None]
    """What Redis served before any role but intake ran."""
    verdicts: Mapping[str, Verdict]
    records: Mapping[str, RecommendationRecord]
    readings: Mapping[str, VideoReading | None]
    facts: Sequence[Fact]

    def feature(self, name: str, feature: str) -> object:
        """A feature's value, or None where the clip has none of it."""
        found = self.records[name].features.get(feature)
        return found.value if found else None


@pytest.fixture(scope="module")
def walk(kafka: str, redis_server: RedisServer, samples: Path) -> Iterator[Walk]:
    """Publish every clip with intake alone running, then let one worker do the rest."""
    with (
        scratch_dir() as folder,
        Pipeline.opened(
            folder, bootstrap_servers=kafka, redis_url=redis_server.url, media_roots=[samples], metrics_port="0"
        ) as pipeline,
    ):
        yield _walked(pipeline, samples)


def _walked(pipeline: Pipeline, samples: Path) -> Walk:
    uploads = [sample_upload(clip, samples) for clip in SAMPLE_CLIPS]
    names = [upload.video_id for upload in uploads]
    intake = pipeline.start_worker("intake", roles="intake")
    pipeline.publish(*(upload for upload in uploads if upload.video_id != BY_COMMAND))
    command = ("publish", str(samples / BY_COMMAND), "--video-id", BY_COMMAND, "--title", "park", "--json")
    published = pipeline.command(*command)
    at_intake = await_value(lambda: _all_known(pipeline, names), 120, lambda: "intake registered not every upload")
    pipeline.await_handled("intake")
    intake.close()
    pipeline.start_worker("all roles")
    verdicts = pipeline.await_verdicts(names, 600)
    pipeline.await_handled("media", "verdict")
    readings = {name: pipeline.reading(name) for name in names}
    return Walk(pipeline, published, at_intake, verdicts, pipeline.feature_records(), readings, pipeline.facts())


def _all_known(pipeline: Pipeline, names: list[str]) -> dict[str, VideoReading | None] | None:
    readings = {name: pipeline.reading(name) for name in names}
    return readings if all(readings.values()) else None


def _within(value: object, allowed: tuple[float, float]) -> bool:
    assert isinstance(value, int | float), value
    return allowed[0] <= value <= allowed[1]


class TestWhatIsTrue:
    """Facts of each clip, found by looking and listening."""

    def test_every_clip_has_facts(self) -> None:
        """No sample is published without somebody having looked at it."""
        assert {clip.file_name for clip in SAMPLE_CLIPS} == set(CLIP_FACTS)

    @CLIPS
    def test_streams_that_are_there_answer(self, walk: Walk, name: str) -> None:
        """A modality is present where the clip has its stream, absent where not, and none is missing or failed."""
        states, facts = walk.verdicts[name].modalities, CLIP_FACTS[name]
        assert set(states.present) == _expected_present(facts)
        assert set(states.absent) == set(MODALITIES) - _expected_present(facts)
        assert (states.missing, states.failed) == ((), {})

    @WITH_PICTURES
    def test_size_and_duration(self, walk: Walk, name: str) -> None:
        """The displayed size and the length are those that a player shows."""
        pictures = CLIP_FACTS[name].pictures
        assert pictures is not None
        size = walk.feature(name, "visual.width_px"), walk.feature(name, "visual.height_px")
        assert size == (pictures.width_px, pictures.height_px)
        assert walk.feature(name, "visual.duration_seconds") == pytest.approx(pictures.duration_seconds, abs=0.1)
        assert walk.feature(name, "visual.coverage_ratio") == 1.0

    @WITH_PICTURES
    def test_cuts_are_where_they_are(self, walk: Walk, name: str) -> None:
        """Every cut that one sees is found within a tenth of a second, and no other."""
        pictures = CLIP_FACTS[name].pictures
        assert pictures is not None
        found = walk.feature(name, "motion.cut_times_seconds")
        assert found == pytest.approx(list(pictures.cuts_seconds), abs=CUT_TOLERANCE_SECONDS)
        assert walk.feature(name, "motion.num_shots") == len(pictures.cuts_seconds) + 1

    @WITH_PICTURES
    def test_no_tag_is_wrong(self, walk: Walk, name: str) -> None:
        """Each names what one sees; where no class of ImageNet fits, there is none."""
        pictures = CLIP_FACTS[name].pictures
        tags = walk.feature(name, "visual.tags")
        assert pictures is not None and isinstance(tags, list)
        assert {tag["name"] for tag in tags} <= set(pictures.shown)

    @WITH_SOUND
    def test_shares_of_speech_and_music(self, walk: Walk, name: str) -> None:
        """Who talks how long, and whether music plays."""
        sound = CLIP_FACTS[name].sound
        assert sound is not None
        assert _within(walk.feature(name, "audio.speech_ratio"), sound.speech_ratio)
        assert _within(walk.feature(name, "audio.music_ratio"), sound.music_ratio)

    @WITH_SOUND
    def test_first_words_fall_when_they_fall(self, walk: Walk, name: str) -> None:
        """The first voice begins where the spectrogram shows the first harmonics."""
        sound = CLIP_FACTS[name].sound
        voices = walk.feature(name, "audio.voice_segments")
        assert sound is not None and isinstance(voices, list)
        if sound.first_voice_seconds:
            assert _within(voices[0]["start_seconds"], sound.first_voice_seconds)

    @WITH_SOUND
    def test_loudest_event_is_what_one_hears(self, walk: Walk, name: str) -> None:
        """The best event that is not silence is the one that dominates."""
        sound = CLIP_FACTS[name].sound
        events = walk.feature(name, "audio.events")
        assert sound is not None and isinstance(events, list)
        heard = [event for event in events if event["name"] != "Silence"]
        if sound.loudest_event:
            assert max(heard, key=lambda event: event["score"])["name"] == sound.loudest_event
        if sound.is_silent_at_first:
            assert any(event["name"] == "Silence" and event["start_seconds"] < 1 for event in events)

    @CLIPS
    def test_silent_clips_have_no_sound_events(self, walk: Walk, name: str) -> None:
        """Without an audio stream nothing is said of sound, not even that it is silent."""
        features = walk.records[name].features
        sound = {feature for feature in features if FEATURES[feature].modality == "audio"}
        assert bool(sound) == (CLIP_FACTS[name].sound is not None)
        assert (SOUND_SPACE in walk.records[name].embeddings) == bool(sound)

    @CLIPS
    def test_language_of_the_text(self, walk: Walk, name: str) -> None:
        """Title and description are in that language; one word alone is in none."""
        assert walk.feature(name, "context.language") == CLIP_FACTS[name].language

    @CLIPS
    def test_only_the_rude_text_is_called_rude(self, walk: Walk, name: str) -> None:
        """Insults and swear words are found where they stand, and no other clip is acted upon.

        "Shut up and listen, it is hell of a speech" has mild words: they are told, below the policy's thresholds.
        """
        labels = {label.label: label.score for label in walk.verdicts[name].labels}
        abuse = {label: score for label, score in labels.items() if label.startswith(ABUSE)}
        if name == "carphone_distorted.mp4":
            assert abuse["hate-and-harassment/abusive-language/toxic-text"] >= 0.9
            assert abuse["hate-and-harassment/insults/insult-in-text"] >= 0.5
            assert abuse["profanity/obscenity/offensive-text"] >= 0.9
            assert walk.verdicts[name].action == "review"
        else:
            mild = abuse.pop("profanity/obscenity/offensive-text", 0.0) if name == "speech-over-music.mov" else 0.0
            assert mild < 0.9
            assert all(score < 0.8 for score in abuse.values()), abuse
            assert walk.verdicts[name].action == "allow"

    @CLIPS
    def test_abuse_is_judged_in_english_alone(self, walk: Walk, name: str) -> None:
        """The models of abuse know English; of other texts they get hashtags at most, and the record reports it."""
        facts = CLIP_FACTS[name]
        judged = walk.feature(name, "context.is_abuse_judged")
        if not facts.has_text:
            assert judged is None
        else:
            assert judged == 1.0 if facts.language in ("en", None) else judged < 0.5

    def test_nobody_is_naked_or_shoots(self, walk: Walk) -> None:
        """No clip shows nudity or weapons, and none sounds like violence."""
        for name, verdict in walk.verdicts.items():
            harm = [label for label in verdict.labels if label.label.startswith(("sexual/", "violence/"))]
            assert [label for label in harm if label.score >= 0.5] == [], name

    @pytest.mark.parametrize(("first", "second"), SAME_PICTURES)
    def test_same_pictures_have_near_hashes(self, walk: Walk, first: str, second: str) -> None:
        """Another codec, size or quality moves few bits of the perceptual hash; other pictures move many."""
        assert _hash_distance(walk, first, second) <= SAME_PICTURE_BITS
        others = set(_names_with_pictures()) - {first, second, *_same_as(first)}
        assert all(_hash_distance(walk, first, other) > SAME_PICTURE_BITS for other in others)

    @pytest.mark.parametrize(("first", "second"), SAME_PICTURES)
    def test_same_pictures_lie_together(self, walk: Walk, first: str, second: str) -> None:
        """In the space of images nothing is nearer to a clip than its own other version."""
        distances = {name: _cosine(walk, first, name) for name in _names_with_pictures() if name != first}
        nearest = max(distances, key=lambda name: distances[name])
        assert nearest in {second, *_same_as(first)}

    def test_traffic_is_faster_than_a_speech(self, walk: Walk) -> None:
        """Pace follows what one sees: six shots of traffic in ten seconds against one of a lectern."""
        assert walk.feature("bikes.mp4", "motion.pace") == "fast"
        assert walk.feature("obama_speech.mp4", "motion.pace") == "slow"

    def test_applause_is_louder_than_a_telephone(self, walk: Walk) -> None:
        """Loudness follows the waveform: a stadium at -20 dB, a telephone line at -33 dB."""
        applause, telephone = (walk.feature(name, "audio.loudness_lufs") for name in ("crowd.mp3", "sample.wav"))
        assert isinstance(applause, float) and isinstance(telephone, float)
        assert -23 < applause < -17
        assert -36 < telephone < -28


class TestWhatFlows:
    """Topics, headers, keys and costs of the walk."""

    def test_status_is_pending_from_intake_on(self, walk: Walk) -> None:
        """Before any model ran, Redis said of every upload that it waits for all modalities until a deadline."""
        for name, reading in walk.at_intake.items():
            assert reading is not None and reading.verdict is None, name
            assert reading.status["status"] == "pending"
            assert set(reading.status["expected"].split(",")) == set(MODALITIES)
            assert float(reading.status["deadline_unix_seconds"]) > float(reading.status["uploaded_unix_seconds"])

    def test_every_video_is_decoded_once(self, walk: Walk) -> None:
        """All agents share one decode: by their receipts, by the price, and by the worker's own count."""
        for name in CLIP_FACTS:
            decodes = {signal.receipt.decode.decode_id for signal in _signals(walk, name) if signal.receipt.decode}
            assert len(decodes) == 1, name
            assert walk.verdicts[name].cost.num_decodes == 1

    def test_one_signal_a_modality(self, walk: Walk) -> None:
        """Each agent says one thing about each upload, and intake one."""
        kinds = Counter(
            (fact.video_id, fact.modality if isinstance(fact, Signal) else type(fact).__name__) for fact in walk.facts
        )
        assert kinds == {(name, kind): 1 for name in CLIP_FACTS for kind in (*MODALITIES, Accepted.__name__)}

    def test_nothing_was_given_up(self, walk: Walk) -> None:
        """No clip has a dead letter."""
        assert [
            (dead_letter.key, dead_letter.cause, dead_letter.message) for dead_letter in walk.pipeline.dead_letters()
        ] == []

    def test_topics_and_store_say_the_same(self, walk: Walk) -> None:
        """The projection of Redis equals that of the two compacted topics, and holds every clip."""
        settings = walk.pipeline.settings
        keys = Keys(settings.topic_prefix)
        stored = walk.pipeline.ask_store(lambda store: read_projection_from_redis(store, keys))
        assert set(stored) == set(CLIP_FACTS)
        assert compare(read_projection_from_topics(settings), stored) == []

    @CLIPS
    def test_store_serves_what_the_topics_hold(self, walk: Walk, name: str) -> None:
        """Status, verdict, features and embeddings lie under the documented keys, as they were published."""
        reading, verdict, record = walk.readings[name], walk.verdicts[name], walk.records[name]
        assert reading is not None
        assert reading.verdict == verdict
        assert (reading.features, reading.embeddings) == (record.features, record.embeddings)
        assert (reading.status["status"], reading.status["action"]) == ("final", verdict.action)
        assert reading.status["absent"] == ",".join(verdict.modalities.absent)

    @CLIPS
    def test_features_say_their_age_and_origin(self, walk: Walk, name: str) -> None:
        """Every feature and embedding carries the broker's time of the upload and the model that made it."""
        record = walk.records[name]
        for item in (*record.features.values(), *record.embeddings.values()):
            assert item.event_unix_seconds == record.uploaded_unix_seconds
            assert "@" in item.model
        assert set(record.features) <= set(FEATURES)

    def test_costs_are_receipts(self, walk: Walk) -> None:
        """Every video has its price and energy, marked as modelled where the machine has no meter that may be read."""
        has_meter = RaplPackages.open() is not None
        for name, verdict in walk.verdicts.items():
            cost = verdict.cost
            assert cost.usd > 0 and cost.joules > 0 and cost.decode_cpu_seconds > 0, name
            assert cost.is_modelled or has_meter

    def test_trace_and_cloudevents_go_through_every_hop(self, walk: Walk) -> None:
        """Each record of a video bears CloudEvents headers of its type, and the trace that its upload began."""
        uploads = {(record.key or b"").decode(): _trace(record) for record in walk.pipeline.records(UPLOADED.name)}
        assert len(set(uploads.values())) == len(CLIP_FACTS)
        for topic in (UPLOADED, SIGNALS, MODERATION, RECOMMENDATION):
            for record in walk.pipeline.records(topic.name):
                assert _trace(record) == uploads[(record.key or b"").decode()]
                assert header(record.headers, "ce_specversion") == b"1.0"
                assert header(record.headers, "ce_type") == _event_type(topic.name, record).encode()
                assert header(record.headers, "content-type") == b"application/json"
                assert header(record.headers, "ce_id") and header(record.headers, "ce_source")

    def test_event_ids_are_unique(self, walk: Walk) -> None:
        """A statement's id is its own."""
        ids = [header(record.headers, "ce_id") for record in walk.pipeline.records(SIGNALS.name)]
        assert len(ids) == len(set(ids)) == len(CLIP_FACTS) * (len(MODALITIES) + 1)

    def test_a_video_keeps_its_partition(self, walk: Walk) -> None:
        """One video has one partition number in every topic, so that consumers can join them."""
        for topic in (SIGNALS, MODERATION, RECOMMENDATION):
            assert _partitions(walk, topic.name) == _partitions(walk, UPLOADED.name)


class TestCommands:
    """The command line against the running stack."""

    def test_show(self, walk: Walk) -> None:
        """`show --json` prints what Redis serves."""
        ended = walk.pipeline.command("show", "obama_speech.mp4", "--json")
        assert ended.returncode == 0, ended.stderr
        shown = json.loads(ended.stdout)
        assert shown["status"]["status"] == "final"
        assert shown["verdict"]["action"] == "allow"
        assert shown["features"]["context.language"]["value"] == "en"
        assert msgspec.convert(shown["verdict"], Verdict) == walk.verdicts["obama_speech.mp4"]

    def test_show_for_people(self, walk: Walk) -> None:
        """`show` names the verdict and its evidence."""
        ended = walk.pipeline.command("show", "carphone_distorted.mp4")
        assert ended.returncode == 0, ended.stderr
        assert "limit" in ended.stdout and "toxic-text" in ended.stdout

    def test_show_of_an_unknown_video(self, walk: Walk) -> None:
        """Nothing is known of it: exit code 1, and the id is quoted."""
        ended = walk.pipeline.command("show", "nobody")
        assert ended.returncode == 1
        assert "'nobody'" in ended.stderr

    def test_watch(self, walk: Walk) -> None:
        """`watch --from-beginning --until-final` replays a video's facts and leaves with its final verdict."""
        ended = walk.pipeline.command("watch", "crowd.mp3", "--from-beginning", "--until-final", "--json")
        assert ended.returncode == 0, ended.stderr
        events = [json.loads(line) for line in ended.stdout.splitlines()]
        assert {event["video_id"] for event in events} == {"crowd.mp3"}
        assert events[-1]["status"] == "final"

    def test_publish(self, walk: Walk) -> None:
        """`publish --json` answers with the place of the event."""
        assert walk.published.returncode == 0, walk.published.stderr
        [place] = [record for record in walk.pipeline.records(UPLOADED.name) if record.key == BY_COMMAND.encode()]
        answer = {"video_id": BY_COMMAND, "partition": place.partition, "offset": place.offset}
        assert json.loads(walk.published.stdout) == answer

    def test_topics_check(self, walk: Walk) -> None:
        """The topics are as their contract says."""
        ended = walk.pipeline.command("topics", "check", "--json")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert [topic["problems"] for topic in json.loads(ended.stdout)] == [[]] * len(TOPICS)

    def test_projection_compare(self, walk: Walk) -> None:
        """The comparison that ships as a command finds store and topics equal."""
        ended = walk.pipeline.command("projection", "compare", "redis", "topics")
        assert (ended.returncode, ended.stdout.strip()) == (0, "the same")

    def test_dead_letters_list(self, walk: Walk) -> None:
        """An empty topic lists nothing."""
        ended = walk.pipeline.command("dead-letters", "list", "--json")
        assert (ended.returncode, ended.stdout) == (0, "")


def _expected_present(facts: ClipFacts) -> set[str]:
    present = {"frames", "motion"} if facts.pictures else set()
    return present | ({"audio"} if facts.sound else set()) | ({"context"} if facts.has_text else set())


def _signals(walk: Walk, name: str) -> list[Signal]:
    return [fact for fact in walk.facts if isinstance(fact, Signal) and fact.video_id == name]


def _names_with_pictures() -> list[str]:
    return [name for name, facts in CLIP_FACTS.items() if facts.pictures]


def _same_as(name: str) -> set[str]:
    """Clips made of the same pictures; some are cropped or play on, so that only a few share their hash."""
    families = (
        {"carphone_pristine.mp4", "carphone_distorted.mp4", "car-telephone.mkv"},
        {"cityCC0.mpg", "city-ovation.webm"},
        {"obama_speech.mp4", "speech-over-music.mov"},
    )
    return next((family for family in families if name in family), {name})


def _hash_distance(walk: Walk, first: str, second: str) -> int:
    """Differing bits of the hashes of the first sampled frames."""
    hashes = [walk.feature(name, "visual.perceptual_hashes") for name in (first, second)]
    one, other = (int(found[0]["hash"], 16) for found in hashes if isinstance(found, list))
    return (one ^ other).bit_count()


def _cosine(walk: Walk, first: str, second: str) -> float:
    one, other = (np.array(walk.records[name].embeddings[IMAGE_SPACE].unpack()) for name in (first, second))
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def _trace(record: StoredRecord) -> bytes:
    return (header(record.headers, "traceparent") or b"--").split(b"-")[1]


def _event_type(topic: str, record: StoredRecord) -> str:
    structs = {UPLOADED.name: VideoUploaded, MODERATION.name: Verdict, RECOMMENDATION.name: RecommendationRecord}
    return EVENT_TYPES[structs.get(topic) or type(decode_fact(record.value))]


def _partitions(walk: Walk, topic: str) -> dict[bytes | None, int]:
    return {record.key: record.partition for record in walk.pipeline.records(topic)}
