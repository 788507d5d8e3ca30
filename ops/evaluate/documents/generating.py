"""All files with generated figures, as the saved results have them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from models.card_registry import CARD_FOLDER, CARD_SUFFIX, CARDS
from ops.evaluate.documents.card_text import with_measurements
from ops.evaluate.documents.coverage_tables import with_tables
from ops.evaluate.documents.goal_tables import with_goals
from ops.evaluate.documents.goals import read_goals
from ops.evaluate.documents.policy_comments import with_comments
from ops.evaluate.result_files import best_results, saved_results
from schemas.labels import LABELS
from streams.decision.policy_file import load_policy

REPOSITORY: Final = Path(__file__).parents[3]
COVERAGE_PAGE: Final = REPOSITORY / "docs" / "model-coverage.md"
GOALS_PAGE: Final = REPOSITORY / "docs" / "signal-goals.md"
POLICY_FILE: Final = REPOSITORY / "streams" / "decision" / "default_policy.yaml"


def generated() -> Iterator[tuple[Path, str]]:
    """Yield each file and what it should contain; what is written by hand stays.

    Raises:
        OSError: a file is missing, such as outside of a checkout.
        UnreadableResult, ValueError: a result or a file has not the expected form.
    """
    by_set = best_results(saved_results())
    results = list(by_set.values())
    covered = {source.label for card in CARDS.values() for source in card.labels}
    labels = [label for label in LABELS if label in covered]
    for card in CARDS.values():
        path = CARD_FOLDER / f"{card.name}{CARD_SUFFIX}"
        yield path, with_measurements(path.read_text(encoding="utf-8"), card, results)
    yield COVERAGE_PAGE, with_tables(COVERAGE_PAGE.read_text(encoding="utf-8"), labels, results)
    yield GOALS_PAGE, with_goals(GOALS_PAGE.read_text(encoding="utf-8"), read_goals(), by_set)
    thresholds = {path: rule.thresholds for path, rule in load_policy(None).rules.items()}
    yield POLICY_FILE, with_comments(POLICY_FILE.read_text(encoding="utf-8"), labels, thresholds, results)
