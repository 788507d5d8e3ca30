"""Moderation: what is decided where, what people have to look at, and what no model sees."""

from __future__ import annotations

from typing import Final

from ops.dashboards.expressions import increase, mean, rate, ratio
from ops.dashboards.panels import Dashboard, Panel, Query, Row, Variable

_MARKET: Final = 'market=~"$market"'
_FIRST: Final = f'vidsignal_decisions_total{{previous_action="none", {_MARKET}}}'
_FIRST_REVIEW: Final = f'vidsignal_decisions_total{{action="review", previous_action="none", {_MARKET}}}'
_PROVISIONAL_VERDICTS: Final = 'vidsignal_upload_to_verdict_seconds_count{status="provisional"}'
_ENTERED: Final = f'vidsignal_decisions_total{{action="review", previous_action!="review", {_MARKET}}}'
_REVIEWED: Final = f'vidsignal_decisions_total{{previous_action="review", decided_by="person", {_MARKET}}}'
_TAKEN_BACK: Final = (
    f'vidsignal_decisions_total{{action!="review", previous_action="review", decided_by="policy", {_MARKET}}}'
)

_DECISIONS: Final = Row(
    "Decisions",
    (
        Panel(
            "Decisions by action",
            "Revisions whose action was decided, or changed, a second.",
            "ops",
            (Query(rate(f"vidsignal_decisions_total{{{_MARKET}}}", "action"), "{{action}}"),),
            is_stacked=True,
        ),
        Panel(
            "Share of each action",
            "Of revisions decided for the first time.",
            "percentunit",
            (Query(f"{rate(_FIRST, 'action')} / ignoring(action) group_left {rate(_FIRST)}", "{{action}}"),),
            is_stacked=True,
            highest=1,
        ),
        Panel(
            "Decisions by market",
            "`none` named no market, `other` names one that does not exist.",
            "ops",
            (Query(rate(f"vidsignal_decisions_total{{{_MARKET}}}", "market"), "{{market}}"),),
            is_stacked=True,
        ),
        Panel(
            "Labels that rules acted on",
            "Decisions a second in which a rule of the policy acted on the label.",
            "ops",
            (Query(rate(f"vidsignal_decision_labels_total{{{_MARKET}}}", "label"), "{{label}}"),),
            width=12,
        ),
        Panel(
            "Labels fused from several modalities",
            "First decisions a second with such evidence; a shadow decides nothing.",
            "ops",
            (Query(rate("vidsignal_fused_labels_total", "label", "state"), "{{label}} {{state}}"),),
            width=12,
        ),
        Panel(
            "Labels by market",
            "How many decisions each label had a part in, within the last day.",
            "short",
            (
                Query(
                    f"sort_desc({increase(f'vidsignal_decision_labels_total{{{_MARKET}}}', '1d', 'label', 'market')})"
                ),
            ),
            "table",
            12,
        ),
    ),
)

_REVIEW: Final = Row(
    "Review load",
    (
        Panel(
            "Videos sent to review, and what became of them",
            "An hour: sent, decided by a person, and taken back because later facts decided otherwise.",
            "short",
            (
                Query(increase(_ENTERED, "1h"), "sent"),
                Query(increase(_REVIEWED, "1h"), "reviewed"),
                Query(increase(_TAKEN_BACK, "1h"), "taken back"),
            ),
        ),
        Panel(
            "Share of videos sent to review",
            "Of revisions decided for the first time. What reviewers have to be staffed for.",
            "percentunit",
            (
                Query(
                    f"{rate(_FIRST_REVIEW)} / {rate(_FIRST)}",
                    "review",
                ),
            ),
            highest=1,
        ),
        Panel(
            "Published verdicts by status",
            "Everything that is said on `video.moderation`, repetitions with fresh engagement included.",
            "ops",
            (Query(rate("vidsignal_verdicts_total", "status", "action"), "{{status}} {{action}}"),),
        ),
    ),
)

_PROVISIONAL: Final = Row(
    "Provisional and amended",
    (
        Panel(
            "Share of provisional verdicts",
            "Of revisions decided for the first time: the deadline passed before every modality had answered.",
            "percentunit",
            (
                Query(
                    ratio(_PROVISIONAL_VERDICTS, 'vidsignal_decisions_total{previous_action="none"}'),
                    "provisional",
                ),
            ),
            highest=1,
        ),
        Panel(
            "Amendments",
            "Verdicts that later facts decided again: from which status to which, and whether the action changed.",
            "ops",
            (
                Query(
                    rate("vidsignal_amendments_total", "before", "after", "action"),
                    "{{before}} to {{after}}, action {{action}}",
                ),
            ),
        ),
        Panel(
            "Deadlines that passed",
            "Deadline facts a second, and looks at deadlines whose upload is not accepted: those get no verdict.",
            "ops",
            (
                Query(rate("vidsignal_deadlines_fired_total"), "deadlines"),
                Query(rate("vidsignal_deadlines_without_acceptance_total"), "not accepted"),
            ),
        ),
    ),
)

_COVERAGE: Final = Row(
    "Coverage",
    (
        Panel(
            "Where modalities stood",
            "Share of revisions in which it was present, absent, missing or failed at the first decision.",
            "percentunit",
            (
                Query(
                    f"{rate('vidsignal_decided_modalities_total', 'modality', 'state')} / ignoring(state) group_left"
                    f" {rate('vidsignal_decided_modalities_total', 'modality')}",
                    "{{modality}} {{state}}",
                ),
            ),
            highest=1,
        ),
        Panel(
            "Signals by modality",
            "Signals that were claimed and published; a failed one names its cause in the verdict.",
            "ops",
            (Query(rate("vidsignal_signals_total", "modality", "status"), "{{modality}} {{status}}"),),
        ),
        Panel(
            "Sampled coverage",
            "Mean share of a video's sample points that have a sampled frame; broken and long media lower it.",
            "percentunit",
            (Query(mean("vidsignal_decode_coverage_ratio"), "coverage"),),
            highest=1,
        ),
        Panel(
            "Share of the taxonomy that is covered",
            "Labels that an installed model can produce. Thresholds for the others never act.",
            "percentunit",
            (Query("avg(max by (label) (vidsignal_label_covered))", "covered"),),
            "stat",
            8,
            highest=1,
        ),
        Panel(
            "Uncovered labels",
            "Labels of the taxonomy that no model produces: they are never reported, whatever a video shows.",
            "short",
            (Query("max by (label) (vidsignal_label_covered) == 0"),),
            "table",
            8,
        ),
        Panel(
            "Videos that went",
            "Forgotten: deletions whose tombstones are out. Expired: their time was up, where a setting gives one.",
            "short",
            (
                Query(increase("vidsignal_videos_deleted_total", "1h"), "forgotten an hour"),
                Query(increase("vidsignal_videos_expired_total", "1h"), "expired an hour"),
            ),
        ),
    ),
)

MODERATION: Final = Dashboard(
    "vidsignal-moderation",
    "Vidsignal: moderation",
    "What is decided where, what people have to look at, and what no model sees.",
    (_DECISIONS, _REVIEW, _PROVISIONAL, _COVERAGE),
    (Variable("market", "Market", "label_values(vidsignal_decisions_total, market)"),),
)
