"""From a card's file to a `Card`: checks across several keys."""

from __future__ import annotations

from pathlib import Path

from models.added_files import known_classes
from models.card import Card, WeightFile
from models.card_errors import refuse
from models.card_fields import CardTable, OperatorTable, PackageTable, ScoresTable
from models.card_inputs import item_input
from models.card_objects import box_output, check_outputs, text_output
from models.card_outputs import embedding_output, output_names, output_tolerances, score_output
from models.card_runs import check_runs, devices_of
from models.card_source import model_source
from models.card_text import MAX_CARD_BYTES, described_digest, read_card_table


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


def _card(table: CardTable, path: Path, digest: str) -> Card:
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
        tolerances=output_tolerances(table),
        embedding_space=space,
        labels=labels + box_labels,
        use=table.use,
        prepared=item.prepared,
        scores=scores,
        embedding=embedding,
        boxes=boxes,
        text=text_output(table, path),
        model=source,
        digest=digest and described_digest(digest, source),
    )


def _packaged(table: CardTable) -> tuple[WeightFile, ...]:
    if not isinstance(table.model, PackageTable):
        return ()
    return tuple(WeightFile(file.package, file.member, file.sha256) for file in table.model.files)
