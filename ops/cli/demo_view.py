"""Follows the topics of a running pipeline until every video is decided."""

from __future__ import annotations

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException

from ops.cli.verdict_lines import describe_fact
from schemas.codec import decode_fact
from schemas.facts import Signal
from schemas.outcomes import Outcome, RecommendationRecord, Verdict
from schemas.topics import MODERATION, RECOMMENDATION, SIGNALS
from streams.config.settings import Settings
from streams.kafka.clients import StoredRecord, assign_whole, client_configuration, stored_record
from streams.kafka.readers_topics import decode_record, decode_verdict


class DemoView:
    """Reads facts, verdicts and feature records; keeps the highest version of each video, as every reader must."""

    def __init__(self, settings: Settings, video_ids: set[str]) -> None:
        self._prefix = settings.topic_prefix
        self._wanted = video_ids
        self._verdicts: dict[str, Verdict] = {}
        self._records: dict[str, RecommendationRecord] = {}
        self._verdict_seconds: dict[str, float] = {}
        self.num_signals = 0
        self.latest = "analysing"
        self.seconds_to_last = 0.0
        self._consumer = _consumer(settings)

    @property
    def num_wanted(self) -> int:
        """Number of published videos."""
        return len(self._wanted)

    @property
    def num_final(self) -> int:
        """Number of videos whose verdict and feature record are final."""
        return sum(self._is_final(video_id) for video_id in self._wanted)

    @property
    def is_complete(self) -> bool:
        """Whether every video is decided."""
        return self.num_final == self.num_wanted

    @property
    def latencies_seconds(self) -> list[float]:
        """From the broker's timestamp of each upload to that of its final verdict, ascending."""
        return sorted(self._verdict_seconds.values())

    def outcomes(self) -> list[Outcome]:
        """Every decided video, in the order of its id."""
        decided = sorted(video_id for video_id in self._wanted if self._is_final(video_id))
        return [Outcome(verdict=self._verdicts[name], record=self._records[name]) for name in decided]

    def poll(self) -> bool:
        """Read one record; return whether there was one. Raises KafkaException if the broker is unavailable."""
        message = self._consumer.poll(0.2)
        if message is None:
            return False
        if message.error() is not None:
            raise KafkaException(message.error())
        self._take(stored_record(message))
        return True

    def close(self) -> None:
        """Leave the topics."""
        self._consumer.close()

    def _take(self, record: StoredRecord) -> None:
        topic = record.topic.removeprefix(self._prefix)
        if record.value is None:
            return
        if topic == MODERATION.name:
            self._take_verdict(decode_verdict(record.value), record.timestamp_unix_seconds)
        elif topic == RECOMMENDATION.name:
            found = decode_record(record.value)
            known = self._records.get(found.video_id)
            if known is None or known.version <= found.version:
                self._records[found.video_id] = found
        else:
            fact = decode_fact(record.value)
            self.latest = describe_fact(fact)[:70]
            self.num_signals += isinstance(fact, Signal)

    def _take_verdict(self, verdict: Verdict, written_unix_seconds: float) -> None:
        known = self._verdicts.get(verdict.video_id)
        if known is not None and known.version > verdict.version:
            return
        self._verdicts[verdict.video_id] = verdict
        if verdict.status == "final":
            self._verdict_seconds[verdict.video_id] = written_unix_seconds - verdict.uploaded_unix_seconds

    def _is_final(self, video_id: str) -> bool:
        verdict, record = self._verdicts.get(video_id), self._records.get(video_id)
        return bool(verdict and record and verdict.status == record.status == "final")


def _consumer(settings: Settings) -> Consumer:
    consumer = Consumer(
        {**client_configuration(settings), "group.id": "vidsignal-demo", "enable.auto.commit": False,
         "fetch.wait.max.ms": 50}
    )  # fmt: skip
    names = [settings.topic_prefix + topic.name for topic in (SIGNALS, MODERATION, RECOMMENDATION)]
    assign_whole(consumer, names, OFFSET_BEGINNING)
    return consumer
