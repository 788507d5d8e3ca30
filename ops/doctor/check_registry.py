"""Every check, in the order of the output. A new one is a file in this folder and a line here."""

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
from ops.doctor.check import Check

EXAMINATIONS: Final = (
    Check("installation", "packages and settings", installation.examine),
    Check("policy", "the policy file", policy.examine),
    Check("broker", "Kafka: address, rights, protocol", broker.examine),
    Check("topics", "partitions, retention, compaction, limits, copies", topics.examine),
    Check("placement", "whether records are in the partitions that murmur2 gives their keys", placement.examine),
    Check("groups", "rights, members and lag of the roles", groups.examine),
    Check("rights", "whether our user may write what its roles publish", rights.examine),
    Check("redis", "address, rights, version, persistence, memory", store.examine),
    Check("progress", "whether Redis has all that was committed to Kafka", progress.examine),
    Check("clock", "this machine's against Redis and uploads", clock.examine),
    Check("device", "backend and precision", device.examine, is_of_media=True),
    Check("codecs", "decoders of video and sound", codecs.examine, is_of_media=True),
    Check("weights", "models in the cache, by hash", weights.examine, is_of_media=True),
    Check("sandbox", "what a decoder is kept from", sandbox.examine, is_of_media=True),
    Check("media", "folders from which media may be read", media.examine, is_of_media=True),
    Check("disk", "room for cache and spool", disk.examine, is_of_media=True),
    Check("memory", "memory and open files", memory.examine),
    Check("ports", "where a worker listens", ports.examine),
)


class UnknownCheck(ValueError):
    """No such name; the message lists existing ones."""


def choose(names: str | None) -> tuple[Check, ...]:
    """Return the checks of a comma-separated list, or all. Raises UnknownCheck."""
    if names is None:
        return EXAMINATIONS
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    unknown = sorted(wanted - {check.name for check in EXAMINATIONS})
    if unknown or not wanted:
        known = ", ".join(check.name for check in EXAMINATIONS)
        raise UnknownCheck(f"--only names {', '.join(unknown) or 'nothing'}; there are {known}")
    return tuple(check for check in EXAMINATIONS if check.name in wanted)
