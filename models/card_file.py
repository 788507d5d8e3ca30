"""From a card's file to a `Card`: checks across several keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.added_files import known_classes
from models.calibration_file import calibrated_labels, read_calibration
from models.card import Card
from models.card_digests import card_digest, scores_digest
from models.card_errors import refuse
from models.card_fields import CardTable
from models.card_input_fields import FrameTable, OperatorTable
from models.card_inputs import item_input
from models.card_model_fields import PackageTable
from models.card_objects import box_output, check_outputs, text_output
from models.card_output_fields import ScoresTable
from models.card_outputs import embedding_output, output_names, output_tolerances, score_output
from models.card_runs import check_runs, devices_of
from models.card_source import model_source
from models.card_text import MAX_CARD_BYTES, read_card_table
from models.model_files import WeightFile


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
    table, found = read_card_table(content, path)
    if not is_added:
        return _card(table, path)
    _check_added(table, path)
    return _calibrated(_card(table, path), table.calibration, found)


def _check_added(table: CardTable, path: Path) -> None:
    if isinstance(table.model, PackageTable):
        allowed = "torchscript, export, onnx, transformers; packages belong to the product's own cards"
        raise refuse(path, "model.format", "package", allowed)
    if isinstance(table.input, OperatorTable):
        raise refuse(
            path,
            "input.kind",
            "operator",
            "frame, clip, crop, audio, text; operators belong to the product's own cards",
        )
    if table.use:
        raise refuse(path, "use", table.use, "nothing; operators of the product use its own models")
    for index, output in enumerate(table.outputs):
        if isinstance(output, ScoresTable) and output.vocabulary:
            raise refuse(path, f"outputs[{index}].vocabulary", output.vocabulary, "nothing; list the words as classes")


def _card(table: CardTable, path: Path) -> Card:
    check_runs(table, path)
    item = item_input(table, path)
    source = model_source(table, path)
    check_outputs(table, path)
    classes = known_classes(source)
    scores, labels = score_output(table, path, classes)
    boxes, box_labels = box_output(table, path, classes)
    embedding, space = embedding_output(table, path)
    return Card(
        name=table.name,
        version=table.version,
        modality=item.modality,
        purpose=table.purpose,
        source=table.source,
        licence=table.licence,
        files=_packaged(table),
        input_shape=item.shape,
        input_dtype=item.dtype,
        input_description=table.input.description,
        outputs=output_names(table, path),
        batch_sizes=table.runs.batch_sizes,
        precisions=table.runs.precisions,
        generation=table.generation,
        checked_on=table.checked_on,
        devices=devices_of(table),
        lengths=table.runs.lengths,
        tolerances=output_tolerances(table),
        embedding_space=space,
        labels=labels + box_labels,
        max_frames=table.input.max_frames if isinstance(table.input, FrameTable) else None,
        use=table.use,
        prepared=item.prepared,
        scores=scores,
        embedding=embedding,
        boxes=boxes,
        text=text_output(table, path),
        model=source,
    )


def _calibrated(card: Card, calibration: str | None, found: Mapping[str, Any]) -> Card:
    """Return an added card with its digests, and with the points of the file that it names."""
    source = card.model
    assert source is not None
    of_scores = scores_digest(found, source)
    if calibration is None:
        return replace(card, scores_digest=of_scores, digest=card_digest(found, source, None))
    fitted = read_calibration(source.card_path, calibration, of_scores)
    return replace(
        card,
        labels=calibrated_labels(card.labels, fitted, source.card_path),
        model=replace(source, notes=(calibration,)),
        scores_digest=of_scores,
        digest=card_digest(found, source, fitted),
    )


def _packaged(table: CardTable) -> tuple[WeightFile, ...]:
    if not isinstance(table.model, PackageTable):
        return ()
    return tuple(WeightFile(file.package, file.member, file.sha256) for file in table.model.files)
