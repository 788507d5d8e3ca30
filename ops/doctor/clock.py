"""The clock: deadlines compare this machine's time with the broker's and the producers' stamps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from redis.exceptions import NoPermissionError

from ops.doctor.check_context import ANSWER_SECONDS, CheckContext, is_there
from ops.doctor.finding import Finding, not_checked, ok, warning, wrong
from schemas.topics import UPLOADED

_RELEASED_UNIX_SECONDS: Final = 1_750_000_000.0
"""June 2025: no correct clock shows an earlier time."""
_NOTICEABLE_SECONDS: Final = 1.0
_WRONG_SECONDS: Final = 10.0
_MEANS: Final = "deadlines fire early or late by as much, and ages and latencies are told wrongly"
_DO: Final = "keep all machines on NTP: `timedatectl set-ntp true`, or chrony"


def examine(context: CheckContext, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Check this machine's clock by itself, against Redis, and against the newest upload."""
    yield _sanity(now())
    if is_there(context.store):
        yield _against_store(context.store.result(), now)
    else:
        yield not_checked("against Redis", "the store does not answer")
    if is_there(context.broker) and not context.settings.is_broker_embedded:
        yield _against_uploads(context.broker.result(), context.settings.topic_prefix + UPLOADED.name, now)
    else:
        yield not_checked("against uploads", "there is no broker to ask")


def _sanity(now_unix_seconds: float) -> Finding:
    told = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_unix_seconds))
    if now_unix_seconds < _RELEASED_UNIX_SECONDS:
        return wrong("this machine", f"its clock says {told}", means=_MEANS, do=_DO)
    return ok("this machine", told)


def _against_store(store: Any, now: Callable[[], float]) -> Finding:
    asked_at = now()
    try:
        seconds, microseconds = store.time()
    except NoPermissionError:
        return not_checked("against Redis", "our user may not send TIME", do="redis-cli ACL SETUSER <user> +time")
    answered_at = now()
    ahead_seconds = seconds + microseconds / 1e6 - (asked_at + answered_at) / 2
    return judge_skew("against Redis", ahead_seconds, uncertainty_seconds=(answered_at - asked_at) / 2)


def judge_skew(subject: str, ahead_seconds: float, *, uncertainty_seconds: float) -> Finding:
    """Return the finding for a difference with the given uncertainty."""
    certain_seconds = max(0.0, abs(ahead_seconds) - uncertainty_seconds)
    direction = "ahead" if ahead_seconds > 0 else "behind"
    found = f"Redis is {abs(ahead_seconds):.3f} s {direction}, give or take {uncertainty_seconds:.3f} s"
    if certain_seconds < _NOTICEABLE_SECONDS:
        return ok(subject, found)
    return (wrong if certain_seconds >= _WRONG_SECONDS else warning)(subject, found, means=_MEANS, do=_DO)


def _against_uploads(admin: AdminClient, topic: str, now: Callable[[], float]) -> Finding:
    subject = "against uploads"
    listed = admin.list_topics(timeout=ANSWER_SECONDS).topics
    if topic not in listed:
        return not_checked(subject, f"topic {topic} does not exist")
    newest_unix_seconds = _newest_stamp(admin, [TopicPartition(topic, number) for number in listed[topic].partitions])
    if newest_unix_seconds is None:
        return not_checked(subject, "there is no upload to compare with")
    return judge_newest(newest_unix_seconds - now())


def judge_newest(ahead_seconds: float) -> Finding:
    """Return the finding for the newest timestamp: it may be any time ago, but not in the future."""
    subject = "against uploads"
    if ahead_seconds < _NOTICEABLE_SECONDS:
        return ok(subject, f"the newest was stamped {max(0.0, -ahead_seconds):,.0f} s ago, not in the future")
    found = f"the newest is stamped {ahead_seconds:.0f} s in the future"
    means = f"this clock is behind, or that of a producer or broker ahead: {_MEANS}"
    return (wrong if ahead_seconds >= _WRONG_SECONDS else warning)(subject, found, means=means, do=_DO)


def _newest_stamp(admin: AdminClient, places: list[TopicPartition]) -> float | None:
    asked = admin.list_offsets(dict.fromkeys(places, OffsetSpec.max_timestamp()), request_timeout=ANSWER_SECONDS)
    stamps = [answer.result(ANSWER_SECONDS).timestamp for answer in asked.values()]
    return max((stamp / 1000 for stamp in stamps if stamp > 0), default=None)
