"""Comments of the default policy that state what each threshold gave: the lines that begin with `# measured:`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Final

from ops.evaluate.documents.headline import at_threshold, of_method, set_words, short_value
from ops.evaluate.report import NOT_MEASURED
from ops.evaluate.result import Metric, SetResult, SubjectResult
from streams.decision.policy import Thresholds

MARK: Final = "  # measured:"
_WIDTH: Final = 116
_RULE: Final = re.compile(r"^  - label: (\S+)")
_METRICS: Final[tuple[Metric, ...]] = ("precision", "recall", "false alarms")


def with_comments(
    policy: str, labels: Collection[str], thresholds: Mapping[str, Thresholds], results: Sequence[SetResult]
) -> str:
    """Return the policy's file with its generated comments written again; nothing else changes.

    Args:
        policy: the file.
        labels: that models produce; only rules of one of them that have thresholds have such a comment.
        thresholds: of the rules, by path.
        results: one of each set.
    """
    lines: list[str] = []
    for line in policy.splitlines():
        if line.startswith(MARK):
            continue
        rule = _RULE.match(line)
        if rule is not None and rule.group(1) in labels and thresholds[rule.group(1)]:
            lines += _comment(rule.group(1), thresholds[rule.group(1)], results)
        lines.append(line)
    return "\n".join(lines) + "\n"


def _comment(label: str, thresholds: Thresholds, results: Sequence[SetResult]) -> list[str]:
    found = [(result, subject) for result in results for subject in result.subjects if subject.label == label]
    sentences = [each for result, subject in found for each in _sentences(result, subject, thresholds)]
    return [
        f"{MARK} {line}"
        for sentence in sentences or [NOT_MEASURED]
        for line in wrap(sentence, _WIDTH - len(MARK), break_long_words=False, break_on_hyphens=False)
    ]


def _sentences(result: SetResult, subject: SubjectResult, thresholds: Thresholds) -> Iterator[str]:
    figures = of_method(subject)
    for action, threshold in thresholds.items():
        by_metric = at_threshold(figures, threshold)
        found = {name: by_metric[name] for name in _METRICS if name in by_metric and by_metric[name].value is not None}
        words = [f"{name} {short_value(figure)}" for name, figure in found.items()]
        missing = [name for name in _METRICS if name not in found]
        words += [f"{' and '.join(missing)} {NOT_MEASURED}"] if missing else []
        yield f"{action} from {threshold:g}: {', '.join(words)} ({set_words(result)})"
