"""Every metric, in one place; names, labels and buckets are a contract with dashboards."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_LATENCY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_SHORT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

EVENTS_IN = Counter("vidsignal_events_in_total", "Events taken from a topic", ("role", "agent"))
EVENTS_OUT = Counter("vidsignal_events_out_total", "Events confirmed by the broker", ("topic",))
EVENTS_SKIPPED = Counter("vidsignal_events_skipped_total", "Events that another role answers for", ("role", "cause"))
IN_FLIGHT = Gauge("vidsignal_events_in_flight", "Events being worked on", ("role",))
SLOTS_TAKEN = Gauge("vidsignal_slots_taken", "Videos that hold an admission slot")
STAGE_SECONDS = Histogram(
    "vidsignal_stage_seconds", "Time in one stage of the walk", ("stage",), buckets=_LATENCY_SECONDS
)
VERDICT_LATENCY_SECONDS = Histogram(
    "vidsignal_upload_to_verdict_seconds",
    "From the broker's timestamp of the upload to a published verdict",
    ("status",),
    buckets=_LATENCY_SECONDS,
)
BATCH_ITEMS = Histogram("vidsignal_batch_items", "Items in a batch", ("model",), buckets=(1, 2, 4, 8, 16, 32, 64, 128))
BATCH_VIDEOS = Histogram(
    "vidsignal_batch_videos", "Distinct videos in a batch", ("model",), buckets=(1, 2, 3, 4, 6, 8, 16, 32)
)
BATCH_PADDED = Counter("vidsignal_batch_padded_items_total", "Rows that were filler", ("model",))
QUEUE_AGE_SECONDS = Histogram(
    "vidsignal_batch_queue_age_seconds", "Age of the oldest item of a batch", ("model",), buckets=_SHORT_SECONDS
)
DEVICE_SECONDS = Counter("vidsignal_device_seconds_total", "Time that a device worked", ("model", "device"))
DEVICE_FAULTS = Counter("vidsignal_device_faults_total", "Faults of a device or runner", ("model",))
DECODES = Counter("vidsignal_decodes_total", "Media sessions decoded", ("result",))
DECODE_CPU_SECONDS = Counter("vidsignal_decode_cpu_seconds_total", "CPU time of decoder processes")
DECODE_SECONDS = Histogram("vidsignal_decode_seconds", "Wall time of a decode", buckets=_LATENCY_SECONDS)
CONSUMER_LAG = Gauge("vidsignal_consumer_lag", "Records behind the end of a partition", ("role", "topic", "partition"))
COMMITTED_OFFSET = Gauge("vidsignal_committed_offset", "Committed offset", ("role", "topic", "partition"))
DEAD_LETTERS = Counter("vidsignal_dead_letters_total", "Dead letters written", ("role", "cause"))
SIGNALS = Counter("vidsignal_signals_total", "Signals published", ("modality", "status"))
CLAIMS_REUSED = Counter("vidsignal_claims_reused_total", "Replays answered from a claim", ("modality",))
VERDICTS = Counter("vidsignal_verdicts_total", "Verdicts published", ("status", "action"))
FACTS_IGNORED = Counter("vidsignal_facts_ignored_total", "Facts that changed nothing", ("kind", "cause"))
VIDEOS_FORGOTTEN = Counter("vidsignal_videos_forgotten_total", "Deletions whose tombstones are out")
AUDIT_FINDINGS = Counter("vidsignal_audit_findings_total", "What an audit found wrong", ("problem",))
DEADLINES_FIRED = Counter("vidsignal_deadlines_fired_total", "Deadline records published")
PARKED_EVENTS = Gauge("vidsignal_parked_events", "Videos that wait for where their media lies, without a slot")
SOURCE_BREAKERS_OPEN = Gauge("vidsignal_source_breakers_open", "Origins of media that are away")
SOURCE_BYTES = Counter("vidsignal_source_bytes_total", "Bytes of media fetched", ("kind",))
RETRIES = Counter("vidsignal_retries_total", "Waits for something that was away", ("what",))
COST_USD = Counter("vidsignal_cost_usd_total", "Cost of final verdicts by the price table")
ENERGY_JOULES = Counter("vidsignal_energy_joules_total", "Energy of final verdicts, modelled where not measured")
VIDEO_COST_USD = Histogram(
    "vidsignal_video_cost_usd", "Cost of one video", buckets=(1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
)
ENGAGEMENT_EVENTS = Counter(
    "vidsignal_engagement_events_total", "Engagement events, and what became of them", ("result",)
)
ENGAGEMENT_BATCH_SECONDS = Histogram(
    "vidsignal_engagement_batch_seconds", "Time to count one batch of engagement events", buckets=_SHORT_SECONDS
)
ENGAGEMENT_SUMMARIES = Counter("vidsignal_engagement_summaries_total", "Engagement summaries written to the log")
ENGAGEMENT_SEEKS = Counter(
    "vidsignal_engagement_seeks_total", "Times that the store stood elsewhere in the log than the consumer"
)
