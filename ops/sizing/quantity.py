"""A figure with its unit and origin, and the list of all figures that sizing uses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import Struct

from ops.bench.load.expense import IDLE_WATTS_RATIO

Origin = Literal["measured", "price table", "assumption", "option"]
"""measured: on a machine that `source` names; price table: offered prices; assumption: a guess, with its reason;
option: given on the command line."""


class InvalidProfile(Exception):
    """A figure or a rate cannot be used; the message quotes it and says what is allowed."""


class Quantity(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure."""

    value: float
    unit: str
    origin: Origin
    source: str
    """Where it was measured, whose price it is, or why it is assumed."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a profile may contain under a name."""

    unit: str
    least: float
    most: float
    says: str
    assumed: Quantity | None = None
    """Default of a profile without this figure; None if it must be measured."""


def check(name: str, value: float, declared: Declared) -> None:
    """Raise InvalidProfile if a value is not a number or out of bounds."""
    if not math.isfinite(value) or not declared.least <= value <= declared.most:
        raise InvalidProfile(
            f"{name} is {value!r} {declared.unit}; allowed: {declared.least:g} to {declared.most:g} ({declared.says})"
        )


def _measured(unit: str, least: float, most: float, says: str) -> Declared:
    return Declared(unit, least, most, says)


def _assumed(unit: str, value: float, bounds: tuple[float, float], says: str, why: str) -> Declared:
    quantity = Quantity(value=value, unit=unit, origin="assumption", source=why)
    return Declared(unit, *bounds, says, quantity)


def _priced(unit: str, value: float, says: str, why: str) -> Declared:
    quantity = Quantity(value=value, unit=unit, origin="price table", source=why)
    return Declared(unit, 0.0, 1e6, says, quantity)


_WORK: Final = {
    "worker_cores": _measured("cores", 1, 1_024, "cores of one media worker"),
    "media_cpu_seconds_per_video": _measured(
        "CPU s", 1e-4, 1e5, "process tree of a media worker under full load, all roles in it"
    ),
    "media_cores_busy_ratio": _measured(
        "ratio", 0.05, 1, "share of its available cores that a worker under full load uses"
    ),
    "media_model_cpu_seconds_per_video": _measured("CPU s", 0, 1e5, "the models' part of it, from receipts"),
    "media_alone_ratio": _measured("ratio", 0.2, 20, "CPU time of a single video over that under full load"),
    "media_alone_cores": _measured("cores", 0.1, 64, "cores that a single video keeps busy"),
    "media_beside_seconds": _measured("s", 0, 600, "from upload to verdict without the analysis: hops, claims, folds"),
    "media_bytes_per_video": _measured("B", 0, 1e12, "media read"),
    "media_memory_bytes": _measured("B", 1e6, 1e13, "a media worker at its highest (proportional set size)"),
    "worker_ready_seconds": _measured("s", 0.1, 3_600, "from the start of a media worker to its first work"),
    "intake_videos_per_second_per_core": _measured("videos/s", 0.1, 1e6, "intake role alone on one core"),
    "verdict_videos_per_second_per_core": _measured("videos/s", 0.1, 1e6, "verdict role alone on one core"),
    "engagement_events_per_second_per_core": _measured("events/s", 1, 1e8, "engagement role alone on one core"),
    "broker_cpu_seconds_per_video": _measured("CPU s", 0, 10, "one broker without copies, all topics"),
}

_REDIS: Final = {
    f"redis_{kind}_bytes_per_video": _measured("B", 0, 1e8, f"`MEMORY USAGE` of vs:{{<video_id>}}:{kind}")
    for kind in ("status", "verdict", "features", "embeddings", "state", "claims", "engagement")
} | {
    "redis_vectors_bytes_per_video": _measured("B", 0, 1e8, "`MEMORY USAGE` of all vs:space:<space> by their members"),
    "redis_engagement_id_bytes": _measured(
        "B", 0, 1e6, "an event's id in vs:engagement-ids, for ten to twenty minutes"
    ),
}

_LOG: Final = {
    f"log_{topic}_bytes_per_video": _measured(
        "B", 0, 1e9, f"all records of a video on video.{topic}, with keys and headers, not compressed"
    )
    for topic in ("uploaded", "signals", "moderation", "recommendation")
} | {
    "log_moderation_last_bytes": _measured("B", 0, 1e9, "a video's last record there, which compaction keeps"),
    "log_recommendation_last_bytes": _measured("B", 0, 1e9, "a video's last record there, which compaction keeps"),
    "log_summary_bytes": _assumed(
        "B", 900, (1, 1e6), "a summary of engagement on video.signals", "the golden payload, with more kinds in it"
    ),
    "log_engagement_event_bytes": _measured("B", 1, 1e6, "an event on video.engagement, not compressed"),
}

_TRAFFIC: Final = {
    "peak_ratio": _assumed(
        "ratio", 1.5, (1, 100), "busiest hour over the mean of the day", "daily curves of platforms"
    ),
    "burst_ratio": _assumed("ratio", 1.5, (1, 100), "rate in a burst over the rate between bursts", "no trace at hand"),
    "burst_seconds": _assumed("s", 120, (1, 86_400), "mean length of a burst", "no trace at hand"),
    "burst_share": _assumed("ratio", 0.1, (0, 0.9), "share of the time that is burst", "no trace at hand"),
    "engagement_events_per_video": _assumed(
        "events", 100, (0, 1e6), "engagement events that each upload brings", "a guess; use your own figure"
    ),
    "engagement_summaries_per_video": _assumed(
        "records", 10, (0, 1e6), "engagement summaries in the log for each upload", "at most one a minute and video"
    ),
}

_FLEET: Final = {
    "utilisation": _assumed(
        "ratio",
        0.6,
        (0.05, 0.95),
        "share of a media fleet's capacity that the busiest hour takes",
        "the simulation: p99 grows steeply beyond it",
    ),
    "light_utilisation": _assumed(
        "ratio",
        0.5,
        (0.05, 0.95),
        "the same for intake, verdict and engagement",
        "their work is short; room for replays",
    ),
    "spare_workers": _assumed(
        "workers", 1, (0, 64), "a cell's workers in addition to those for the rate", "one may be lost"
    ),
    "workers_per_cell": _assumed("workers", 64, (1, 64), "most workers of one group in a cell", "eager rebalances"),
    "partitions_per_worker": _assumed(
        "partitions", 2, (1, 16), "partitions over workers of the largest group", "room to double without new topics"
    ),
    "losses_per_worker_day": _assumed(
        "1/day", 0.2, (0, 1_440), "workers lost without notice", "spot machines; made up"
    ),
    "detection_seconds": _assumed(
        "s", 6, (0, 3_600), "until the group detects a lost worker", "session in streams/kafka/membership.py"
    ),
    "rebalance_seconds": _assumed(
        "s",
        1.5,
        (0, 600),
        "no worker takes new uploads while partitions move",
        "eager rebalance, its drain in membership.py",
    ),
    "start_seconds": _assumed("s", 45, (0, 3_600), "until a new worker's process starts", "a pod on an existing node"),
}

_KEEPING: Final = {
    "copies": _assumed("copies", 3, (1, 5), "replicas of each partition", "with min.insync.replicas=2"),
    "redis_copies": _assumed("copies", 2, (1, 5), "Redis primary and replicas", "one replica"),
    "redis_kept_days": _assumed(
        "days", 30, (0.01, 36_500), "until a video is deleted or expires", "made up; unlimited by default"
    ),
    "redis_claims_days": _assumed("days", 15, (7, 365), "claims are kept", "VIDSIGNAL_CLAIM_TTL_SECONDS"),
    "redis_cell_bytes": _assumed(
        "B", 256 * 2**30, (2**28, 2**44), "memory of a cell's Redis primary", "a large machine that still forks"
    ),
    "redis_shards_per_cell": _assumed(
        "primaries",
        1,
        (1, 1_000),
        "primaries that share a cell's keys",
        "more is a Redis Cluster, which was not tested",
    ),
    "redis_fill_ratio": _assumed("ratio", 0.6, (0.1, 0.95), "share of it that data may take", "fork, fragmentation"),
    "redis_videos_per_second": _assumed(
        "videos/s",
        1_000,
        (0.1, 1e6),
        "one Redis primary takes",
        "about 60 commands a video at a small part of 100,000 a second; not measured",
    ),
    "log_uploaded_days": _assumed("days", 7, (0.04, 365), "video.uploaded is kept", "its setting's default"),
    "log_signals_days": _assumed("days", 14, (7, 365), "video.signals is kept", "its setting's default"),
    "log_engagement_days": _assumed("days", 7, (0.04, 365), "video.engagement is kept", "its setting's default"),
    "log_compacted_ratio": _assumed(
        "ratio",
        1.5,
        (1, 10),
        "disk of compacted topics over their last records",
        "half as much again waits for compaction",
    ),
    "outcome_readers": _assumed(
        "groups", 2, (0, 100), "consumer groups of each compacted topic", "a ranker, a trainer"
    ),
    "broker_bytes_per_second": _assumed(
        "B/s", 100e6, (1e5, 1e11), "throughput of one broker, with replication", "a small part of a 10 Gbit/s machine"
    ),
    "broker_disk_bytes": _assumed("B", 8e12, (1e9, 1e16), "usable disk of one broker", "8 TB of a larger disk"),
    "broker_cores": _assumed("cores", 8, (1, 256), "cores of one broker", "a usual machine"),
}

_ACCELERATOR: Final = {
    "accelerator_speed_ratio": _assumed(
        "ratio", 40, (1, 10_000), "model work of one accelerator over one core", "MODELLED: none was measured"
    ),
    "accelerator_host_cores": _assumed("cores", 16, (1, 512), "host cores of each accelerator", "a usual machine"),
}

_PRICES: Final = {
    "usd_per_core_hour": _priced("USD", 0.0425, "a core for an hour", "VIDSIGNAL_USD_PER_CPU_HOUR"),
    "usd_per_accelerator_hour": _priced("USD", 1.0, "an accelerator for an hour, without host", "list prices, round"),
    "usd_per_memory_gib_hour": _priced("USD", 0.006, "a GiB of memory for an hour", "list prices, round"),
    "usd_per_disk_gb_month": _priced("USD", 0.08, "a GB of network disk for a month", "list prices, round"),
    "usd_per_network_gb": _priced("USD", 0.02, "a GB between zones, both ways", "list prices, round"),
    "zone_crossing_ratio": _assumed("ratio", 2 / 3, (0, 1), "share of traffic that leaves its zone", "three zones"),
    "watts_per_core": _priced("W", 8.0, "a busy core", "VIDSIGNAL_WATTS_PER_CPU_CORE"),
    "idle_watts_ratio": _assumed(
        "ratio", IDLE_WATTS_RATIO, (0, 1), "power of an idle core over a busy one", "usual servers"
    ),
    "watts_per_accelerator": _priced("W", 70.0, "a busy accelerator", "data sheet of a small one"),
    "watts_per_memory_gib": _priced("W", 0.3, "a GiB of memory", "data sheets, round"),
    "watts_per_disk_tb": _priced("W", 1.0, "a TB of flash", "data sheets, round"),
    "building_ratio": _assumed("ratio", 1.2, (1, 3), "power of the building over that of its machines", "usual PUE"),
}  # fmt: skip

FIGURES: Final[dict[str, Declared]] = {
    **_WORK, **_REDIS, **_LOG, **_TRAFFIC, **_FLEET, **_KEEPING, **_ACCELERATOR, **_PRICES,
}  # fmt: skip
"""Every figure by its name, in the order of processing."""
