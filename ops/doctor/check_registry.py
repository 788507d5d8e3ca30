"""Every examination, in the order in which it is told. A new one is a file beside this and a line here."""

from __future__ import annotations

from typing import Final

from ops.doctor import (
    broker,
    clock,
    codecs,
    device,
    disk,
    groups,
    installation,
    media,
    memory,
    placement,
    policy,
    ports,
    progress,
    rights,
    sandbox,
    store,
    topics,
    weights,
)
from ops.doctor.examination import Examination

EXAMINATIONS: Final = (
    Examination("installation", "packages and settings", installation.examine),
    Examination("policy", "the policy file", policy.examine),
    Examination("broker", "Kafka: address, rights, protocol", broker.examine),
    Examination("topics", "partitions, retention, compaction, limits, copies", topics.examine),
    Examination("placement", "whether records lie where murmur2 puts their keys", placement.examine),
    Examination("groups", "rights, members and lag of the roles", groups.examine),
    Examination("rights", "whether our user may write what its roles publish", rights.examine),
    Examination("redis", "address, rights, version, persistence, memory", store.examine),
    Examination("progress", "whether Redis has all that was committed to Kafka", progress.examine),
    Examination("clock", "this machine's against Redis and uploads", clock.examine),
    Examination("device", "backend and precision", device.examine, is_of_media=True),
    Examination("codecs", "decoders of video and sound", codecs.examine, is_of_media=True),
    Examination("weights", "models in the cache, by hash", weights.examine, is_of_media=True),
    Examination("sandbox", "what a decoder is kept from", sandbox.examine, is_of_media=True),
    Examination("media", "folders that media may lie in", media.examine, is_of_media=True),
    Examination("disk", "room for cache and spool", disk.examine, is_of_media=True),
    Examination("memory", "memory and open files", memory.examine),
    Examination("ports", "where a worker listens", ports.examine),
)


class UnknownExamination(ValueError):
    """No such name; the message lists those that there are."""


def choose(names: str | None) -> tuple[Examination, ...]:
    """Those of a comma-separated list, or all. Raises UnknownExamination."""
    if names is None:
        return EXAMINATIONS
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = sorted(wanted - {examination.name for examination in EXAMINATIONS})
    if unknown or not wanted:
        known = ", ".join(examination.name for examination in EXAMINATIONS)
        raise UnknownExamination(f"--only names {', '.join(unknown) or 'nothing'}; there are {known}")
    return tuple(examination for examination in EXAMINATIONS if examination.name in wanted)
