"""What a card's `[runs]` comes to: batch sizes, precisions, and the devices on which the model may run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Final

from models.card import DeviceName
from models.card_errors import refuse
from models.card_fields import CardTable
from models.card_input_fields import OperatorTable
from models.card_model_fields import ChatTable, OnnxTable, PackageTable, TransformersTable

_TORCH_DEVICES: Final[tuple[DeviceName, ...]] = ("cpu", "cuda")
_SERVERS: Final[frozenset[DeviceName]] = frozenset(("kserve", "openai"))


def check_runs(table: CardTable, path: Path) -> None:
    """Check `[runs]` against the format of the model. Raises CardInvalid."""
    sizes, is_packaged = table.runs.batch_sizes, isinstance(table.model, PackageTable)
    if any(first >= second for first, second in pairwise(sizes)):
        raise refuse(path, "runs.batch_sizes", list(sizes), "ascending numbers, each once")
    if not sizes and not is_packaged:
        raise refuse(path, "runs.batch_sizes", [], "at least one size")
    for field, given in (("precisions", table.runs.precisions), ("devices", table.runs.devices or ())):
        if len(set(given)) < len(given):
            raise refuse(path, f"runs.{field}", list(given), "each once")
    _check_lengths(table, path)
    _check_chat(table, path)
    if "float32" not in table.runs.precisions:
        raise refuse(path, "runs.precisions", list(table.runs.precisions), "a list with float32, the reference")
    if not isinstance(table.model, PackageTable | TransformersTable) and table.runs.precisions != ("float32",):
        allowed = "float32: the numbers in such a file have their types"
        raise refuse(path, "runs.precisions", list(table.runs.precisions), allowed)
    if isinstance(table.model, OnnxTable) and set(devices_of(table)) - _SERVERS != {"cpu"}:
        raise refuse(
            path, "runs.devices", list(devices_of(table)), "cpu: a graph runs on the processor, or on a server"
        )


def _check_chat(table: CardTable, path: Path) -> None:
    if isinstance(table.model, ChatTable) and devices_of(table) != ("openai",):
        raise refuse(path, "runs.devices", list(devices_of(table)), "openai: nothing of the model is on the worker")


def _check_lengths(table: CardTable, path: Path) -> None:
    lengths = table.runs.lengths
    if not lengths:
        return
    if not isinstance(table.input, OperatorTable):
        raise refuse(path, "runs.lengths", list(lengths), "nothing: items of this input kind have one length")
    longest = table.input.shape[:1]
    if lengths[-1:] != longest or any(first >= second for first, second in pairwise(lengths)):
        raise refuse(
            path, "runs.lengths", list(lengths), f"ascending numbers up to the length in input.shape, {longest}"
        )


def devices_of(table: CardTable) -> tuple[DeviceName, ...]:
    """Return where a model may run."""
    if table.runs.devices is not None:
        return table.runs.devices
    if isinstance(table.model, ChatTable):
        return ("openai",)
    return ("cpu",) if isinstance(table.model, OnnxTable) else _TORCH_DEVICES
