"""What a card's `[[outputs]]` come to: scores with their classes and labels, and an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from models.card_errors import refuse
from models.card_fields import CardTable
from models.card_output_fields import EmbeddingTable, LabelTable, PromptsTable, ScoresTable
from models.card_points import points_problem
from models.model_output import EmbeddingOutput, LabelPrompts, LabelSource, ScoreOutput
from models.tolerance import Tolerance
from schemas.labels import LABELS
from schemas.near_names import near_word


def output_names(table: CardTable, path: Path) -> tuple[str, ...]:
    """Names of the outputs. Raises CardInvalid where one stands twice."""
    names: list[str] = []
    for output in table.outputs:
        if output.name in names:
            raise refuse(path, "outputs", output.name, "each name once")
        names.append(output.name)
    return tuple(names)


def scores_table(table: CardTable, path: Path) -> tuple[int, ScoresTable] | None:
    """Place and table of the scores. Raises CardInvalid where there are two."""
    found = [(index, output) for index, output in enumerate(table.outputs) if isinstance(output, ScoresTable)]
    if len(found) > 1:
        raise refuse(path, f"outputs[{found[1][0]}].kind", "scores", "one output of scores a card")
    return found[0] if found else None


def score_output(
    table: CardTable, path: Path, known_classes: Sequence[str]
) -> tuple[ScoreOutput | None, tuple[LabelSource, ...]]:
    """The output with scores, and the labels that its classes mean.

    Args:
        table: the card's.
        path: of its file.
        known_classes: of a model that names its own; what the card says of classes comes before.

    Raises:
        CardInvalid: classes, labels or points of calibration are wrong.
    """
    found = scores_table(table, path)
    if found is None:
        return None, ()
    index, output = found
    place = f"outputs[{index}]"
    if output.prompts and output.activation != "none":
        raise refuse(path, f"{place}.activation", output.activation, "none: scores by prompts are in [0, 1]")
    if output.prompts:
        classes, labels = _described(output, place, path)
    else:
        classes = output.classes or tuple(known_classes)
        labels = label_sources(output.labels, classes, place, path)
    if not classes and not output.vocabulary:
        raise refuse(path, f"{place}.classes", [], "the model's own word for each score, in the order of its columns")
    if output.activation == "softmax" and len(classes) == 1:
        raise refuse(path, f"{place}.activation", "softmax", "none or sigmoid where there is one class")
    if output.group_tags_from is not None and not output.vocabulary:
        raise refuse(path, f"{place}.group_tags_from", output.group_tags_from, "nothing without a vocabulary")
    scores = ScoreOutput(
        index, classes, output.vocabulary, output.combine, output.tags_from, output.group_tags_from, output.activation
    )
    return scores, labels


def label_sources(
    given: Sequence[LabelTable], classes: Sequence[str], place: str, path: Path
) -> tuple[LabelSource, ...]:
    """Return the labels that some classes mean. Raises CardInvalid."""
    labels = tuple(_label(label, classes, f"{place}.labels[{at}]", path) for at, label in enumerate(given))
    _check_calibrations(labels, place, path)
    return labels


def label_prompts(output: ScoresTable) -> tuple[LabelPrompts, ...]:
    """What describes each label: the card's sentences, or what the taxonomy says of it."""
    return tuple(LabelPrompts(given.label, given.texts or (LABELS[given.label],)) for given in output.prompts)


def embedding_output(table: CardTable, path: Path) -> tuple[EmbeddingOutput | None, str | None]:
    """The output that is a vector, and its space. Raises CardInvalid where there are two."""
    found = [(index, output) for index, output in enumerate(table.outputs) if isinstance(output, EmbeddingTable)]
    if len(found) > 1:
        raise refuse(path, f"outputs[{found[1][0]}].kind", "embedding", "one embedding a card")
    if not found:
        return None, None
    index, output = found[0]
    return EmbeddingOutput(index, int(output.space.rpartition("/")[2])), output.space


def output_tolerances(table: CardTable) -> tuple[Tolerance, ...]:
    """The limits of each output."""
    return tuple(
        Tolerance(min_cosine=output.tolerance.min_cosine)
        if isinstance(output, EmbeddingTable)
        else Tolerance(output.tolerance.max_difference, min_equal_top1_ratio=output.tolerance.min_equal_top1_ratio)
        for output in table.outputs
    )


def _described(output: ScoresTable, place: str, path: Path) -> tuple[tuple[str, ...], tuple[LabelSource, ...]]:
    """Classes are the labels themselves."""
    if output.classes or output.labels:
        allowed = "nothing together with prompts: each label is a class of its own"
        raise refuse(path, f"{place}.{'classes' if output.classes else 'labels'}", "given", allowed)
    for at, given in enumerate(output.prompts):
        _check(given, f"{place}.prompts[{at}]", path)
    classes = tuple(given.label for given in output.prompts)
    if len(set(classes)) < len(classes):
        raise refuse(path, f"{place}.prompts", list(classes), "each label once")
    return classes, tuple(LabelSource(given.label, given.label, given.calibration) for given in output.prompts)


def _label(found: LabelTable, classes: Sequence[str], place: str, path: Path) -> LabelSource:
    _check(found, place, path)
    if classes and found.class_ not in classes:
        allowed = f"one of the {len(classes)} classes of the output"
        raise refuse(path, f"{place}.class", found.class_, allowed, near_word(found.class_, classes))
    return LabelSource(found.class_, found.label, found.calibration, found.measured)


def _check_calibrations(labels: Sequence[LabelSource], place: str, path: Path) -> None:
    """Classes with one label have one score, so their points are the same."""
    points: dict[str, LabelSource] = {}
    for at, source in enumerate(labels):
        if points.setdefault(source.label, source).calibration != source.calibration:
            found = [list(point) for point in source.calibration]
            allowed = f"the points that {points[source.label].output_label!r} has, as both mean {source.label}"
            raise refuse(path, f"{place}.labels[{at}].calibration", found, allowed)


def _check(found: LabelTable | PromptsTable, place: str, path: Path) -> None:
    if found.label not in LABELS:
        allowed = "a label of the taxonomy, see `vidsignal models coverage`"
        raise refuse(path, f"{place}.label", found.label, allowed, near_word(found.label, LABELS))
    if problem := points_problem(found.calibration):
        raise refuse(path, f"{place}.calibration", [list(point) for point in found.calibration], problem)
