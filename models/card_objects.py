"""What a card's `[[outputs]]` of boxes and of text come to, and which outputs go with which input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

from models.card_errors import refuse
from models.card_fields import CardTable
from models.card_input_fields import AudioTable, ClipTable, CropTable, FrameTable, PictureTable, TextTable
from models.card_inputs import named_file
from models.card_output_fields import BoxesTable, OtherTable, TextOutputTable
from models.card_outputs import label_sources
from models.model_output import BoxOutput, CountedGroup, LabelSource, TextOutput
from schemas.near_names import listed, near_word

_OUTPUTS: Final[dict[type, tuple[str, ...]]] = {
    FrameTable: ("scores", "embedding", "boxes", "text", "other"),
    ClipTable: ("scores", "embedding", "text", "other"),
    CropTable: ("scores", "text", "other"),
    AudioTable: ("scores", "embedding", "text", "other"),
    TextTable: ("scores", "embedding", "other"),
}
"""By kind of input, the kinds of output that an agent can state; an operator of the product takes all."""


def check_outputs(table: CardTable, path: Path) -> None:
    """Check that an agent can state every output. Raises CardInvalid."""
    kinds = [str(output.__struct_config__.tag) for output in table.outputs]
    allowed = _OUTPUTS.get(type(table.input), kinds)
    for index, kind in enumerate(kinds):
        if kind not in allowed:
            raise refuse(path, f"outputs[{index}].kind", kind, f"{listed(allowed)}, by the kind of the input")
        if kind in ("boxes", "text") and kind in kinds[:index]:
            raise refuse(path, f"outputs[{index}].kind", kind, f"one output of {kind} a card")
    if "boxes" in kinds and "scores" in kinds:
        allowed_kind = "other: the scores of boxes are named by outputs.scores of the boxes"
        raise refuse(path, f"outputs[{kinds.index('scores')}].kind", "scores", allowed_kind)


def box_output(
    table: CardTable, path: Path, known_classes: Sequence[str]
) -> tuple[BoxOutput | None, tuple[LabelSource, ...]]:
    """Return the output with boxes, and the labels that its classes mean.

    Args:
        table: the card's.
        path: of its file.
        known_classes: of a model that names its own; what the card says of classes comes before.

    Raises:
        CardInvalid: classes, labels or the output of scores are wrong.
    """
    for index, output in enumerate(table.outputs):
        if isinstance(output, BoxesTable):
            return _boxes(table, index, output, output.classes or tuple(known_classes), path)
    return None, ()


def text_output(table: CardTable, path: Path) -> TextOutput | None:
    """Return the output that is a text. Raises CardInvalid where its vocabulary is not named with its hash."""
    for index, output in enumerate(table.outputs):
        if isinstance(output, TextOutputTable):
            field = f"outputs[{index}].vocabulary"
            file = named_file(field, output.vocabulary, output.vocabulary_sha256, table, path)
            return TextOutput(index, file, output.blank, output.space)
    return None


def _boxes(
    table: CardTable, index: int, output: BoxesTable, classes: tuple[str, ...], path: Path
) -> tuple[BoxOutput, tuple[LabelSource, ...]]:
    place = f"outputs[{index}]"
    if not classes:
        raise refuse(path, f"{place}.classes", [], "the model's own word for each class, in its order")
    if len(set(classes)) < len(classes):
        raise refuse(path, f"{place}.classes", list(classes), "each word once")
    if output.scores is None and (output.activation != "none" or output.background != "none"):
        field = "activation" if output.activation != "none" else "background"
        allowed = "none without scores: the rows of such boxes have score and class"
        raise refuse(path, f"{place}.{field}", getattr(output, field), allowed)
    found = BoxOutput(
        index=index,
        classes=classes,
        threshold=output.threshold,
        max_boxes=output.max_boxes,
        max_overlap=output.max_overlap,
        scores_index=_scores_index(table, output, place, path),
        activation=output.activation,
        background=output.background,
        coordinates=output.coordinates,
        side_px=_side_px(table) if output.units == "pixels" else 1,
        groups=_groups(output, classes, place, path),
        tags_from=output.tags_from,
    )
    return found, label_sources(output.labels, classes, place, path)


def _groups(output: BoxesTable, classes: Sequence[str], place: str, path: Path) -> tuple[CountedGroup, ...]:
    """Return what each class is counted as; nothing if the card names no group."""
    found: dict[str, CountedGroup] = {}
    for name, members in output.groups.items():
        group = _group(name, place, path)
        for word in members:
            if word not in classes:
                allowed = f"some of the {len(classes)} classes of the output"
                raise refuse(path, f"{place}.groups.{group}", word, allowed, near_word(word, classes))
            if found.setdefault(word, group) != group:
                allowed = f"each class once; it is among {found[word]} as well"
                raise refuse(path, f"{place}.groups.{group}", word, allowed)
    return tuple(found.get(word, "objects") for word in classes) if output.groups else ()


def _group(name: str, place: str, path: Path) -> CountedGroup:
    known: dict[str, CountedGroup] = {group: group for group in get_args(CountedGroup)}
    if name not in known:
        raise refuse(path, f"{place}.groups", name, listed(list(known)), near_word(name, known))
    return known[name]


def _scores_index(table: CardTable, output: BoxesTable, place: str, path: Path) -> int | None:
    if output.scores is None:
        return None
    others = {other.name: index for index, other in enumerate(table.outputs) if isinstance(other, OtherTable)}
    if output.scores not in others:
        allowed = f"an output of the kind other: {listed(sorted(others)) or 'there is none'}"
        raise refuse(path, f"{place}.scores", output.scores, allowed, near_word(output.scores, others))
    return others[output.scores]


def _side_px(table: CardTable) -> int:
    assert isinstance(table.input, PictureTable)  # boxes go with frames only
    return table.input.side_px
