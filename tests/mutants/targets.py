"""What the mutation run goes over, and the tests that have to notice: those of the module alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Target:
    """Sources of one subject."""

    sources: tuple[str, ...]
    tests: tuple[str, ...]
    """As pytest takes them."""


TARGETS: dict[str, Target] = {
    "offset tracker": Target(
        ("streams/delivery/offset_tracker.py", "streams/delivery/committable_offsets.py"),
        (
            "tests/unit/streams/delivery/test_offset_tracker.py",
            "tests/unit/streams/consumer/test_committed_offsets.py",
        ),
    ),
    "fold": Target(
        ("streams/decision/fold.py", "streams/decision/state.py"),
        (
            "tests/unit/streams/decision/test_fold.py",
            "tests/unit/streams/decision/test_fold_decisions.py",
            "tests/unit/streams/decision/test_fold_laws.py",
            "tests/unit/streams/decision/test_deletions_by_place.py",
            "tests/unit/streams/decision/test_warned.py",
        ),
    ),
    "policy": Target(
        ("streams/decision/policy.py", "streams/decision/decide.py"),
        (
            "tests/unit/streams/decision/test_policy.py",
            "tests/unit/streams/decision/test_policy_file.py",
            "tests/unit/streams/decision/test_seen_rules.py",
        ),
    ),
    "decode plan": Target(
        ("operators/media/plan.py", "operators/media/spread.py"),
        (
            "tests/unit/operators/media/test_plan.py",
            "tests/unit/operators/media/test_plan_laws.py",
            "tests/unit/operators/media/test_spread.py",
        ),
    ),
    "batch policy": Target(
        (
            "operators/inference/batch_policy.py",
            "operators/inference/batch_sizes.py",
            "operators/inference/priority_queue.py",
        ),
        ("tests/unit/operators/inference/test_batch_policy.py", "tests/unit/operators/inference/test_batch_sizes.py"),
    ),
    "deletion marker": Target(
        (
            "streams/decision/deletions.py",
            "streams/dead_letters/dead_letter_index.py",
            "streams/store/deletion_reading.py",
            "streams/store/forget.lua",
            "streams/store/dead_letter.lua",
        ),
        (
            "tests/unit/streams/decision/test_deletions.py",
            "tests/unit/streams/dead_letters/test_deleted_events.py",
            "tests/integration/test_deletion_marker.py",
        ),
    ),
    "claims": Target(
        ("streams/store/claims.py", "streams/store/claim.lua"),
        ("tests/integration/test_delivery_store.py::TestClaims",),
    ),
    "counting": Target(
        (
            "streams/engagement/counting.py",
            "streams/engagement/rates.py",
            "streams/engagement/summary_schedule.py",
        ),
        ("tests/unit/streams/engagement/test_counting.py",),
    ),
}
"""By the name under which the table gives it."""
