"""Every metric, in one place; names, labels and buckets are a contract with dashboards."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_LATENCY_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_STAGE_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, *_LATENCY_SECONDS)
_SHORT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

EVENTS_IN = Counter("vidsignal_events_in_total", "Events taken from a topic", ("role", "agent"))
EVENTS_FINISHED = Counter("vidsignal_events_finished_total", "Events that an agent is through with", ("role", "agent"))
EVENTS_OUT = Counter("vidsignal_events_out_total", "Events confirmed by the broker", ("topic",))
EVENTS_SKIPPED = Counter(
    "vidsignal_events_skipped_total", "Events that a role leaves without a result, by cause", ("role", "cause")
)
EVENT_WARNINGS = Counter(
    "vidsignal_event_warnings_total", "Warnings on uploads and deletions that were accepted, by kind", ("kind",)
)
IN_FLIGHT = Gauge("vidsignal_events_in_flight", "Events being worked on", ("role",))
CONCURRENT_VIDEOS = Gauge("vidsignal_concurrent_videos", "Videos that hold an admission slot", ("role",))
MAX_CONCURRENT_VIDEOS = Gauge(
    "vidsignal_max_concurrent_videos", "Videos that may hold an admission slot at once", ("role",)
)
STAGE_SECONDS = Histogram(
    "vidsignal_stage_seconds", "Time in one stage of the walk", ("stage",), buckets=_STAGE_SECONDS
)
VERDICT_LATENCY_SECONDS = Histogram(
    "vidsignal_upload_to_verdict_seconds",
    "From the broker's timestamp of the upload to the first published verdict of a status",
    ("status", "lane"),
    buckets=_LATENCY_SECONDS,
)
BATCH_ITEMS = Histogram("vidsignal_batch_items", "Items in a batch", ("model",), buckets=(1, 2, 4, 8, 16, 32, 64, 128))
BATCH_VIDEOS = Histogram(
    "vidsignal_batch_videos", "Distinct videos in a batch", ("model",), buckets=(1, 2, 3, 4, 6, 8, 16, 32)
)
BATCH_PADDED = Counter("vidsignal_batch_padded_items_total", "Padding rows", ("model",))
QUEUE_AGE_SECONDS = Histogram(
    "vidsignal_batch_queue_age_seconds", "Age of the oldest item of a batch", ("model",), buckets=_SHORT_SECONDS
)
DEVICE_SECONDS = Counter("vidsignal_device_seconds_total", "Time that a device worked", ("model", "device"))
REFUSED_BUCKETS = Counter(
    "vidsignal_refused_buckets_total",
    "Batch sizes of a model that its device may not run: not compiled, wrong answers, or no memory; without any, the"
    " model runs on the processor",
    ("model", "device"),
)
DEVICE_FAULTS = Counter("vidsignal_device_faults_total", "Faults of a device or runner", ("model",))
MODELS_WAITING = Gauge("vidsignal_models_waiting", "Models that cannot be used because of their server")
MODEL_SERVER_REQUESTS = Counter(
    "vidsignal_model_server_requests_total", "Requests to a model server, by outcome", ("server", "outcome")
)
MODEL_SERVER_SECONDS = Histogram(
    "vidsignal_model_server_seconds", "Time of a request to a model server", ("server",), buckets=_STAGE_SECONDS
)
MODEL_SERVER_TOKENS = Counter(
    "vidsignal_model_server_tokens_total", "Tokens that a model server counted", ("server", "direction")
)
CAPTIONS = Counter("vidsignal_captions_total", "Videos that a chat model was asked to describe, by result", ("state",))
JUDGE_ANSWERS = Counter(
    "vidsignal_judge_answers_total",
    "Answers of a judge about labels, by what it was asked for",
    ("asked_for", "answer"),
)
DECODES = Counter("vidsignal_decodes_total", "Media sessions decoded", ("result",))
DECODE_CPU_SECONDS = Counter("vidsignal_decode_cpu_seconds_total", "CPU time of decoder processes")
DECODE_PROCESSES = Gauge("vidsignal_decode_processes", "Processes that decode, one video each at a time")
DECODE_COVERAGE_RATIO = Histogram(
    "vidsignal_decode_coverage_ratio",
    "Share of the planned sample points of a video that have a sampled frame",
    buckets=(0.25, 0.5, 0.75, 0.9, 0.99, 1),
)
CONSUMER_LAG = Gauge(
    "vidsignal_consumer_lag",
    "Records behind the end of a partition that is assigned to the worker, by the broker; absent while unknown",
    ("role", "topic", "partition"),
)
COMMITTED_OFFSET = Gauge(
    "vidsignal_committed_offset",
    "Committed offset of such a partition, by the broker; absent while unknown",
    ("role", "topic", "partition"),
)
BROKER_OFFSETS_KNOWN = Gauge(
    "vidsignal_broker_offsets_known",
    "1 while the broker reports the offsets of a role, 0 while they are unknown",
    ("role",),
)
RECORDS_UNREADABLE = Counter(
    "vidsignal_records_unreadable_total",
    "Records of our own topics that a reader could not decode and skipped",
    ("topic",),
)
STORE_KEYS_REMOVED = Counter(
    "vidsignal_store_keys_removed_total",
    "Redis keys with content that Vidsignal never writes, which were removed",
    ("key",),
)
GAPS_OPENED = Counter(
    "vidsignal_gaps_opened_total", "Videos of which a fact could not be folded, so that later ones wait", ("cause",)
)
GAPS_CLOSED = Counter("vidsignal_gaps_closed_total", "Gaps that a refold of the log closed")
VIDEOS_IN_GAP = Gauge("vidsignal_videos_in_gap", "Videos with a gap, by Redis")
FOLD_FAULTS = Counter(
    "vidsignal_fold_faults_total", "Unexpected errors over one video's facts in the verdict role", ("step",)
)
ROLE_STATE = Gauge("vidsignal_role_state", "1 for the state that a role is in, 0 for all others", ("role", "state"))
ROLE_STALLED_SECONDS = Gauge(
    "vidsignal_role_stalled_seconds",
    "How long records have waited with none delivered although the role could take more; 0 where it is not stalled",
    ("role",),
)
RECORDS_LOST = Counter(
    "vidsignal_records_lost_total", "Records that fell out of the log before they were read", ("role", "topic")
)
DEAD_LETTERS = Counter("vidsignal_dead_letters_total", "Dead letters written", ("role", "cause"))
SIGNALS = Counter("vidsignal_signals_total", "Signals published", ("modality", "status"))
CLAIMS_REUSED = Counter("vidsignal_claims_reused_total", "Replays answered from a claim", ("modality",))
VERDICTS = Counter("vidsignal_verdicts_total", "Verdicts published", ("status", "action"))
DECISIONS = Counter(
    "vidsignal_decisions_total",
    "Decided revisions, once each and again when the action changed",
    ("action", "previous_action", "decided_by", "market"),
)
DECISION_LABELS = Counter(
    "vidsignal_decision_labels_total", "Labels that a rule acted on, in those decisions", ("label", "market")
)
FUSED_LABELS = Counter(
    "vidsignal_fused_labels_total",
    "Revisions that were first decided with evidence of a fused label at the reporting floor or above, by whether it"
    " may decide or is a shadow",
    ("label", "state"),
)
DECIDED_MODALITIES = Counter(
    "vidsignal_decided_modalities_total",
    "Where each modality stood when a revision was first decided",
    ("modality", "state"),
)
AMENDMENTS = Counter(
    "vidsignal_amendments_total", "Decided verdicts that later facts changed", ("before", "after", "action")
)
LABEL_COVERED = Gauge("vidsignal_label_covered", "1 where an installed model can produce the label, else 0", ("label",))
FACTS_IGNORED = Counter("vidsignal_facts_ignored_total", "Facts that changed nothing", ("kind", "cause"))
VIDEOS_DELETED = Counter("vidsignal_videos_deleted_total", "Deletions whose tombstones are published")
VIDEOS_EXPIRED = Counter("vidsignal_videos_expired_total", "Videos removed at the end of their retention")
AUDIT_FINDINGS = Counter("vidsignal_audit_findings_total", "What an audit found wrong", ("problem",))
DEADLINES_FIRED = Counter("vidsignal_deadlines_fired_total", "Deadline records published")
DEADLINES_WITHOUT_ACCEPTANCE = Counter(
    "vidsignal_deadlines_without_acceptance_total",
    "Checks of a deadline that passed while its upload was not accepted; one every ten seconds for each such upload",
)
DEFERRED_EVENTS = Gauge(
    "vidsignal_deferred_events", "Videos that wait for an unavailable media source, without an admission slot"
)
MAX_DEFERRED_EVENTS = Gauge("vidsignal_max_deferred_events", "Videos that may be deferred at once")
BACKFILL_YIELDING = Gauge("vidsignal_backfill_yielding", "1 while the backfill role yields to live videos")
BACKFILL_PAUSED = Gauge("vidsignal_backfill_paused", "1 while an operator keeps the backfill role from new videos")
SOURCE_BREAKERS_OPEN = Gauge("vidsignal_source_breakers_open", "Origins of media that are unavailable")
SOURCE_BYTES = Counter("vidsignal_source_bytes_total", "Bytes of media fetched", ("kind",))
INTERNAL_ERRORS = Counter(
    "vidsignal_internal_errors_total",
    "Unexpected errors while an event was worked on, by the boundary that caught them",
    ("role", "boundary"),
)
ROLE_PAUSED = Gauge(
    "vidsignal_role_paused",
    "1 while a role takes no events after too many dead letters by internal faults",
    ("role",),
)
RETRIES = Counter("vidsignal_retries_total", "Retries, by what was unavailable", ("reason",))
CPU_SECONDS = Counter(
    "vidsignal_cpu_seconds_total",
    "CPU time of the worker and its decoder processes, by what it went into; the stages add up to all of it",
    ("stage",),
)
IDLE_SECONDS = Counter("vidsignal_idle_seconds_total", "Time in which the worker had no video to work on")
OLDEST_UNCONFIRMED_SECONDS = Gauge(
    "vidsignal_oldest_unconfirmed_record_seconds", "How long the oldest record sent waits for the broker to confirm it"
)
COST_USD = Counter("vidsignal_cost_usd_total", "Cost of final verdicts by the price table")
ENERGY_JOULES = Counter("vidsignal_energy_joules_total", "Energy of final verdicts, modelled where not measured")
VIDEO_COST_USD = Histogram(
    "vidsignal_video_cost_usd", "Cost of one video", buckets=(1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
)
ENGAGEMENT_EVENTS = Counter("vidsignal_engagement_events_total", "Engagement events, by result", ("result",))
ENGAGEMENT_KINDS = Counter(
    "vidsignal_engagement_kinds_total", "Engagement events that were counted, by kind", ("kind",)
)
ENGAGEMENT_BATCH_SECONDS = Histogram(
    "vidsignal_engagement_batch_seconds", "Time to count one batch of engagement events", buckets=_SHORT_SECONDS
)
ENGAGEMENT_SUMMARIES = Counter("vidsignal_engagement_summaries_total", "Engagement summaries written to the log")
ENGAGEMENT_OFFSET_RESETS = Counter(
    "vidsignal_engagement_offset_resets_total",
    "Times that the consumer moved because its offset, the stored one and the end of the log differed",
)
ENGAGEMENT_DELAY_SECONDS = Histogram(
    "vidsignal_engagement_delay_seconds",
    "From the broker's timestamp of the first event of a batch to its count in Redis",
    buckets=_LATENCY_SECONDS,
)
ENGAGEMENT_AGE_SECONDS = Histogram(
    "vidsignal_engagement_age_seconds",
    "From the latest event of a summary to the feature record that was published with it",
    buckets=_LATENCY_SECONDS,
)
BUILD_INFO = Gauge(
    "vidsignal_build_info",
    "1 for each role that a worker runs; its version ends with a digest of the code",
    ("version", "device", "role"),
)
TRACE_SPANS = Counter("vidsignal_trace_spans_total", "Spans that a collector took, or that were dropped", ("result",))
OVERDUE_EVENTS = Gauge(
    "vidsignal_overdue_events", "Events that take longer than VIDSIGNAL_SLOW_EVENT_SECONDS, by stage", ("role", "stage")
)
OLDEST_UNFINISHED_SECONDS = Gauge(
    "vidsignal_oldest_unfinished_event_seconds", "Age of the oldest event in flight", ("role",)
)
