"""Initialises series at a worker's start.

A counter whose labels were never used has no series, and Prometheus sees no increase in a series that starts with 1:
the first dead letter of a cause would raise no alert. So series with label values that are known in advance start with
0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Final, get_args

from prometheus_client import Counter, Histogram

from operators.captions.caption_states import CAPTION_STATES
from operators.context.recognised_labels import recognised_labels
from operators.errors import MediaCause
from operators.internal_errors import BOUNDARIES, INTERNAL_ERROR
from schemas.engagement import ENGAGEMENT_KINDS
from schemas.evidence import AskedFor, JudgeWord
from schemas.identity import MODALITIES, Lane
from schemas.labels import LABELS
from schemas.outcomes import ACTIONS, OutcomeStatus
from schemas.topics import BACKFILL, ENGAGEMENT, SIGNALS, UPLOADED, Topic
from schemas.warnings import WARNING_KINDS
from streams.analysis.prototypes_file import load_prototypes
from streams.config.running_models import running_cards
from streams.config.settings import Role, Settings
from streams.costs.cpu_account import PROCESS_STAGES
from streams.decision.policy_file import load_policy
from streams.decision.warned import KINDS_OF_THE_LOG
from streams.delivery.own_faults import MACHINE_UNAVAILABLE, MODEL_SERVER_UNAVAILABLE
from streams.lifecycle.release import release
from streams.observability import metrics
from streams.recovery.audit_problems import Problem
from streams.store.gap import GAP_CAUSES

_UNREADABLE: Final = ("event-invalid", "event-not-json", "event-too-large")
_UNANSWERED: Final = ("crash-loop", INTERNAL_ERROR)
_UNUSABLE: Final = (
    *get_args(MediaCause), MACHINE_UNAVAILABLE, MODEL_SERVER_UNAVAILABLE, *_UNANSWERED, "device-fault", "model-fault",
    "signal-too-large",
)  # fmt: skip
_MEDIA_STAGES: Final = ("decode-wait", "decode", *MODALITIES, "claim", "publish")
DEAD_LETTER_CAUSES: Final[Mapping[Role, tuple[str, ...]]] = {
    "intake": (*_UNREADABLE, *_UNANSWERED),
    "media": _UNUSABLE,
    "backfill": (*_UNREADABLE, *_UNUSABLE),
    "verdict": ("crash-loop", "internal-error"),
    "engagement": (*_UNREADABLE, "event-id-reused", *_UNANSWERED),
}
"""By role, every cause of its dead letters."""
_AGENTS: Final[Mapping[Role, tuple[str, ...]]] = {"media": MODALITIES, "backfill": MODALITIES}
"""Roles whose agents have other names than the role."""
_READS: Final[Mapping[Role, Topic]] = {
    "intake": UPLOADED,
    "media": UPLOADED,
    "backfill": BACKFILL,
    "verdict": SIGNALS,
    "engagement": ENGAGEMENT,
}
PIPELINE_STAGES: Final[Mapping[Role, tuple[str, ...]]] = {
    "intake": ("intake", "publish"),
    "media": _MEDIA_STAGES,
    "backfill": _MEDIA_STAGES,
    "verdict": ("fold", "publish"),
    "engagement": ("publish",),
}
"""By role, every stage whose time it measures."""


_OF_MODELS: Final = (
    metrics.BATCH_ITEMS,
    metrics.BATCH_VIDEOS,
    metrics.BATCH_PADDED,
    metrics.QUEUE_AGE_SECONDS,
    metrics.DEVICE_FAULTS,
)


def begin_series(settings: Settings, device: str | None) -> None:
    """Initialise every series whose labels are known, for the roles of this worker.

    Args:
        settings: of the worker.
        device: name of its device; None without one.
    """
    _begin(metrics.RETRIES, ("broker", "redis"))
    _begin(metrics.CPU_SECONDS, PROCESS_STAGES)
    if device is not None:
        _begin(metrics.DEVICE_SECONDS, batched_models(settings), (device,))
        _begin(metrics.REFUSED_BUCKETS, batched_models(settings), (device,))
    for role in settings.roles:
        metrics.BUILD_INFO.labels(release(), device or "none", role).set(1)
        _begin(metrics.RECORDS_LOST, (role,), (settings.topic_prefix + _READS[role].name,))
        _begin_role(role)
        _BEGIN.get(role, _begin_nothing)(settings)


def batched_models(settings: Settings) -> tuple[str, ...]:
    """Names of the models that run in batches on a device."""
    return tuple(card.name for card in running_cards(settings).values() if card.batch_sizes)


def covered_labels(settings: Settings) -> frozenset[str]:
    """Labels of the taxonomy that a running model, the comparison with prototypes or the policy's fusion can
    produce."""
    cards = running_cards(settings).values()
    by_cards = frozenset(source.label for card in cards for source in card.labels) | recognised_labels(cards)
    by_models = by_cards | load_prototypes(settings.prototypes_file).labels.keys()
    fused = load_policy(settings.policy_file).fusion
    return by_models | {rule.label for rule in fused if rule.is_covered_by(by_models)}


def _begin_role(role: Role) -> None:
    _begin(metrics.EVENTS_IN, (role,), _AGENTS.get(role, (role,)))
    _begin(metrics.EVENTS_FINISHED, (role,), _AGENTS.get(role, (role,)))
    _begin(metrics.INTERNAL_ERRORS, (role,), BOUNDARIES)
    _begin(metrics.DEAD_LETTERS, (role,), DEAD_LETTER_CAUSES.get(role, ()))
    _begin(metrics.STAGE_SECONDS, PIPELINE_STAGES.get(role, ()))


def _begin_media(settings: Settings) -> None:
    num_live = settings.decode_processes if "media" in settings.roles else 0
    num_backfill = 1 if "backfill" in settings.roles else 0  # see `streams.analysis.engine_opening`
    metrics.DECODE_PROCESSES.set(num_live + num_backfill)
    _begin(metrics.RETRIES, ("source", "overloaded"))
    _begin(metrics.CLAIMS_REUSED, MODALITIES)
    models = batched_models(settings)
    for metric in _OF_MODELS:
        _begin(metric, models)
    _begin(metrics.DECODES, ("ok", "lost", "process-replaced", *get_args(MediaCause)))
    _begin(metrics.SIGNALS, MODALITIES, ("ok", "failed"))
    if settings.captions_ratio:
        _begin(metrics.CAPTIONS, CAPTION_STATES)
    if settings.chat_model is not None and load_policy(settings.policy_file).judge is not None:
        _begin(metrics.JUDGE_ANSWERS, get_args(AskedFor), get_args(JudgeWord))
    covered = covered_labels(settings)
    for label in LABELS:
        metrics.LABEL_COVERED.labels(label).set(label in covered)


def _begin_verdict(settings: Settings) -> None:
    statuses = get_args(OutcomeStatus)
    _begin(metrics.VERDICTS, statuses, ACTIONS)
    _begin(metrics.VERDICT_LATENCY_SECONDS, statuses, get_args(Lane))
    _begin(metrics.DECISIONS, ACTIONS, ("none",), ("policy",), ("none",))
    _begin(metrics.DECISIONS, ("allow", "limit", "block"), ("review",), ("policy", "person"), ("none",))
    for rule in load_policy(settings.policy_file).fusion:
        metrics.FUSED_LABELS.labels(rule.label, "shadow" if rule.is_shadow else "decides")
    _begin(metrics.DECIDED_MODALITIES, MODALITIES, ("present", "absent", "missing", "failed"))
    _begin(metrics.AMENDMENTS, ("provisional",), ("provisional", "final"), ("kept", "changed"))
    _begin(metrics.AMENDMENTS, ("final",), ("final",), ("kept", "changed"))
    _begin(metrics.EVENT_WARNINGS, KINDS_OF_THE_LOG)
    _begin(metrics.AUDIT_FINDINGS, get_args(Problem))
    _begin(metrics.FACTS_IGNORED, ("signal",), ("too-many-waiting",))
    _begin(metrics.GAPS_OPENED, GAP_CAUSES)


def _begin_intake(_settings: Settings) -> None:
    _begin(metrics.EVENT_WARNINGS, (kind for kind in WARNING_KINDS if kind not in KINDS_OF_THE_LOG))


def _begin_engagement(_settings: Settings) -> None:
    _begin(metrics.ENGAGEMENT_EVENTS, ("counted", "duplicate", "forgotten", "refused", "retried"))
    _begin(metrics.ENGAGEMENT_KINDS, ENGAGEMENT_KINDS)


def _begin_nothing(_settings: Settings) -> None:
    pass


def _begin(metric: Counter | Histogram, *values: Iterable[str]) -> None:
    """Initialise one series for each combination of label values."""
    for combination in product(*values):
        metric.labels(*combination)


_BEGIN: Final[Mapping[Role, Callable[[Settings], None]]] = {
    "intake": _begin_intake,
    "media": _begin_media,
    "backfill": _begin_media,
    "verdict": _begin_verdict,
    "engagement": _begin_engagement,
}
