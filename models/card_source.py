"""What a card's `[model]` comes to: format and files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from models.card import Format, ModelSource, Task
from models.card_errors import refuse
from models.card_fields import CardTable
from models.card_input_fields import AudioTable, ClipTable, CropTable, FrameTable, TextTable
from models.card_inputs import pixel_values
from models.card_model_fields import (
    ChatTable,
    ExportTable,
    OnnxTable,
    PackageTable,
    TorchscriptTable,
    TransformersTable,
)
from models.card_origin import hub_origin
from models.card_output_fields import ScoresTable
from models.card_outputs import label_prompts, scores_table
from models.model_files import CardFile
from schemas.near_names import listed

_ARCHIVES: Final[dict[type, Format]] = {TorchscriptTable: "torchscript", ExportTable: "export", OnnxTable: "onnx"}
_INPUTS: Final[dict[Task, tuple[type, ...]]] = {
    "image-classification": (FrameTable, CropTable),
    "image-text": (FrameTable, CropTable),
    "object-detection": (FrameTable,),
    "video-classification": (ClipTable,),
    "audio-classification": (AudioTable,),
    "audio-ctc": (AudioTable,),
    "text-classification": (TextTable,),
}
"""By task, the kinds of input that its models take."""


def model_source(table: CardTable, path: Path) -> ModelSource:
    """Read where a card's module comes from. Raises CardInvalid."""
    model = table.model
    if isinstance(model, PackageTable):
        return ModelSource("package", path, architecture=model.architecture)
    _check_prompts(table, path)
    if isinstance(model, ChatTable):
        return _on_chat_server(model, table, path)
    if isinstance(model, TransformersTable):
        return _of_transformers(model, table, path)
    files = (CardFile(model.file, model.sha256),)
    origin = hub_origin(model, path, model.file)
    return ModelSource(
        _ARCHIVES[type(model)],
        path,
        files=files,
        origin=origin,
        pixels=pixel_values(table),
        is_sound_normalised=_is_sound_normalised(table),
    )


def _on_chat_server(model: ChatTable, table: CardTable, path: Path) -> ModelSource:
    if not isinstance(table.input, FrameTable | CropTable):
        raise refuse(path, "model.format", "chat", "chat for an input of the kind frame or crop: it is asked about one")
    for index, output in enumerate(table.outputs):
        if not isinstance(output, ScoresTable) or not output.classes or output.activation != "none":
            allowed = "scores with classes and no activation: the server is asked for a number for each"
            raise refuse(path, f"outputs[{index}].kind", str(output.__struct_config__.tag), allowed)
    return ModelSource("chat", path, question=model.question, pixels=pixel_values(table))


def _of_transformers(model: TransformersTable, table: CardTable, path: Path) -> ModelSource:
    if not isinstance(table.input, _INPUTS[model.task]):
        allowed = listed(sorted(task for task, taken in _INPUTS.items() if isinstance(table.input, taken)))
        raise refuse(path, "model.task", model.task, f"{allowed}, by the kind of the input")
    for name in ("config.json", *(("tokenizer.json",) if model.task == "image-text" else ())):
        if name not in model.files:
            raise refuse(path, "model.files", listed(sorted(model.files)), f"the files of the model, {name} among them")
    if not any(name.endswith(".safetensors") for name in model.files):
        raise refuse(path, "model.files", listed(sorted(model.files)), "weights as safetensors among them")
    wrong = sorted(
        name for name in model.files if not name.endswith((".json", ".safetensors", ".txt", ".md", ".model"))
    )
    if wrong:
        allowed = "configuration (.json), safetensors and texts; programs and pickles are never read"
        raise refuse(path, "model.files", wrong[0], allowed)
    found = scores_table(table, path)
    return ModelSource(
        "transformers",
        path,
        files=tuple(CardFile(f"{model.folder}/{name}", sha256) for name, sha256 in sorted(model.files.items())),
        pixels=pixel_values(table),
        is_sound_normalised=_is_sound_normalised(table),
        origin=hub_origin(model, path, model.folder),
        task=model.task,
        folder=model.folder,
        prompts=label_prompts(found[1]) if found else (),
        background=found[1].background if found else (),
    )


def _is_sound_normalised(table: CardTable) -> bool:
    return isinstance(table.input, AudioTable) and table.input.normalise


def _check_prompts(table: CardTable, path: Path) -> None:
    found = scores_table(table, path)
    takes_prompts = isinstance(table.model, TransformersTable) and table.model.task == "image-text"
    if found is None or bool(found[1].prompts) == takes_prompts:
        return
    allowed = "sentences for at least one label" if takes_prompts else "nothing: prompts belong to the task image-text"
    raise refuse(path, f"outputs[{found[0]}].prompts", "given" if found[1].prompts else [], allowed)
