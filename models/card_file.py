"""From a card's file to a `Card`: checks across several keys."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from models.card import (
    Card,
    CardFile,
    Dtype,
    EmbeddingOutput,
    FrameInput,
    LabelSource,
    Modality,
    ModelSource,
    PixelValues,
    Precision,
    ScoreOutput,
    WeightFile,
)
from models.card_errors import refuse
from models.card_fields import (
    CardTable,
    EmbeddingTable,
    FrameTable,
    LabelTable,
    OperatorTable,
    PackageTable,
    ScoresTable,
    TorchscriptTable,
)
from models.card_text import MAX_CARD_BYTES, read_card_table
from schemas.labels import LABELS
from schemas.near_names import near_word


def read_card(path: Path, *, is_added: bool) -> Card:
    """Read one card's file.

    Args:
        path: of the file.
        is_added: whether it is an added card; only the product's own cards name packages, operators and vocabularies.

    Raises:
        CardInvalid: the file is no valid card.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        content = file.read(MAX_CARD_BYTES + 1)
    table, digest = read_card_table(content, path)
    if is_added:
        _check_added(table, path)
    return _card(table, path, digest if is_added else "")


def _check_added(table: CardTable, path: Path) -> None:
    if isinstance(table.model, PackageTable):
        raise refuse(path, "model.format", "package", "torchscript; packages belong to the product's own cards")
    if isinstance(table.input, OperatorTable):
        raise refuse(path, "input.kind", "operator", "frame; operators belong to the product's own cards")
    if table.use:
        raise refuse(path, "use", table.use, "nothing; operators of the product use its own models")
    for index, output in enumerate(table.outputs):
        if isinstance(output, ScoresTable) and output.vocabulary:
            raise refuse(path, f"outputs[{index}].vocabulary", output.vocabulary, "nothing; list the words as classes")


def _card(table: CardTable, path: Path, digest: str) -> Card:
    _check_sizes(table, path)
    modality, shape, dtype, prepared = _input(table, path)
    scores, labels = _scores(table, path)
    embedding, space = _embedding(table, path)
    return Card(
        name=table.name,
        version=table.version,
        modality=modality,
        purpose=table.purpose,
        source=table.source,
        licence=table.licence,
        files=_packaged(table),
        input_shape=shape,
        input_dtype=dtype,
        input_description=table.input.description,
        outputs=_names(table, path),
        batch_sizes=table.runs.batch_sizes,
        precisions=_precisions(table, path),
        generation=table.generation,
        checked_on=table.checked_on,
        bfloat16_note=table.bfloat16_note,
        embedding_space=space,
        labels=labels,
        use=table.use,
        prepared=prepared,
        scores=scores,
        embedding=embedding,
        model=_source(table, path),
        digest=digest,
    )


def _check_sizes(table: CardTable, path: Path) -> None:
    sizes = table.runs.batch_sizes
    if any(first >= second for first, second in pairwise(sizes)):
        raise refuse(path, "runs.batch_sizes", list(sizes), "ascending numbers, each once")
    if not sizes and not isinstance(table.model, PackageTable):
        raise refuse(path, "runs.batch_sizes", [], "at least one size")


def _input(table: CardTable, path: Path) -> tuple[Modality, tuple[int, ...], Dtype, FrameInput | None]:
    given = table.input
    if isinstance(given, OperatorTable):
        return given.modality, given.shape, given.dtype, None
    resize_px = given.resize_px or given.side_px
    if resize_px < given.side_px:
        raise refuse(path, "input.resize_px", resize_px, f"at least side_px, {given.side_px}")
    if given.resize == "pad" and resize_px != given.side_px:
        raise refuse(path, "input.resize_px", resize_px, f"side_px, {given.side_px}, where the picture is padded")
    prepared = FrameInput(given.side_px, given.resize, resize_px, given.interpolation)
    return "frames", (given.side_px, given.side_px, 3), "uint8", prepared


def _names(table: CardTable, path: Path) -> tuple[str, ...]:
    names = [output.name for output in table.outputs]
    _require_once(path, "outputs", names)
    return tuple(names)


def _require_once(path: Path, field: str, words: Iterable[str]) -> None:
    seen: set[str] = set()
    for word in words:
        if word in seen:
            raise refuse(path, field, word, "each name once")
        seen.add(word)


def _scores(table: CardTable, path: Path) -> tuple[ScoreOutput | None, tuple[LabelSource, ...]]:
    found = [(index, output) for index, output in enumerate(table.outputs) if isinstance(output, ScoresTable)]
    if len(found) > 1:
        raise refuse(path, f"outputs[{found[1][0]}].kind", "scores", "one output of scores a card")
    if not found:
        return None, ()
    index, output = found[0]
    place = f"outputs[{index}]"
    if not output.classes and not output.vocabulary:
        raise refuse(path, f"{place}.classes", [], "the model's own word for each score, in the order of its columns")
    if output.activation == "softmax" and len(output.classes) == 1:
        raise refuse(path, f"{place}.activation", "softmax", "none or sigmoid where there is one class")
    labels = tuple(_label(label, output, f"{place}.labels[{at}]", path) for at, label in enumerate(output.labels))
    scores = ScoreOutput(
        index, output.classes, output.vocabulary, output.combine, output.tags, activation=output.activation
    )
    return scores, labels


def _label(found: LabelTable, output: ScoresTable, place: str, path: Path) -> LabelSource:
    if found.label not in LABELS:
        allowed = "a label of the taxonomy, see `vidsignal models coverage`"
        raise refuse(path, f"{place}.label", found.label, allowed, near_word(found.label, LABELS))
    if output.classes and found.class_ not in output.classes:
        allowed = f"one of the {len(output.classes)} classes of the output"
        raise refuse(path, f"{place}.class", found.class_, allowed, near_word(found.class_, output.classes))
    _check_calibration(found, place, path)
    return LabelSource(found.class_, found.label, found.calibration)


def _check_calibration(found: LabelTable, place: str, path: Path) -> None:
    points = found.calibration
    if len(points) == 1 or any(a[0] >= b[0] or a[1] > b[1] for a, b in pairwise(points)):
        allowed = "at least two points [score of the model, score to state], ascending in both"
        raise refuse(path, f"{place}.calibration", [list(point) for point in points], allowed)


def _embedding(table: CardTable, path: Path) -> tuple[EmbeddingOutput | None, str | None]:
    found = [(index, output) for index, output in enumerate(table.outputs) if isinstance(output, EmbeddingTable)]
    if len(found) > 1:
        raise refuse(path, f"outputs[{found[1][0]}].kind", "embedding", "one embedding a card")
    if not found:
        return None, None
    index, output = found[0]
    return EmbeddingOutput(index, int(output.space.rpartition("/")[2])), output.space


def _precisions(table: CardTable, path: Path) -> tuple[Precision, ...]:
    if isinstance(table.model, TorchscriptTable) and table.runs.precisions != ("float32",):
        raise refuse(path, "runs.precisions", list(table.runs.precisions), "float32: an archive is run as it was saved")
    return table.runs.precisions


def _packaged(table: CardTable) -> tuple[WeightFile, ...]:
    if not isinstance(table.model, PackageTable):
        return ()
    return tuple(WeightFile(file.package, file.member, file.sha256) for file in table.model.files)


def _source(table: CardTable, path: Path) -> ModelSource:
    model = table.model
    if isinstance(model, PackageTable):
        return ModelSource("package", path, architecture=model.architecture)
    return ModelSource("torchscript", path, files=(CardFile(model.file, model.sha256),), pixels=_pixels(table.input))


def _pixels(given: FrameTable | OperatorTable) -> PixelValues | None:
    if not isinstance(given, FrameTable):
        return None
    return PixelValues(given.layout, given.dtype, given.scale, given.mean, given.std)
