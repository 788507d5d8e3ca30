"""Each wrong card stops a start: with the file, the field, what was found and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models.added_cards import CardSettings, installed_cards
from models.card_errors import CardInvalid
from models.card_files import verify_card
from models.loaders import load_module
from models.text_pieces import read_tokenizers
from tests.support import tiny_transformers as tiny
from tests.support.tiny_models import CARD, Alike, torchscript_card, write_card

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

Make = Callable[[Path], object]
"""Writes a card that is wrong into a folder."""


def start(folder: Path) -> None:
    """What a worker does with added cards before it takes its first video."""
    settings = CardSettings(folders=(folder,), trusted_folders=(folder,))
    added = {name: card for name, card in installed_cards(settings).items() if card.is_added}
    for card in added.values():
        verify_card(card, folder)
    for card in added.values():
        load_module(card, folder)
    read_tokenizers(added)


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def missing_file(folder: Path) -> None:
    torchscript_card(folder)
    (folder / "model.pt").unlink()


def altered_file(folder: Path) -> None:
    torchscript_card(folder)
    with (folder / "model.pt").open("r+b") as file:
        file.write(b"\x00")


def altered_snapshot(folder: Path) -> None:
    tiny.image_classifier(folder)
    edited(folder / "snapshot" / "config.json", '"num_channels": 3', '"num_channels": 4')


def missing_tokenizer(folder: Path) -> None:
    tiny.text_classifier(folder)
    (folder / "tokenizer.json").unlink()


def unnamed_tokenizer(folder: Path) -> None:
    path = tiny.text_classifier(folder)
    edited(path, "max_tokens = 8", 'max_tokens = 8\ntokenizer = "words.json"')


def tokenizer_of_prompts(folder: Path) -> None:
    path = tiny.image_text(folder, "clip")
    lines = [line for line in path.read_text().splitlines() if not line.startswith('"tokenizer.json"')]
    path.write_text("\n".join(lines))


def two_for_one_space(folder: Path) -> None:
    embedding = '[[outputs]]\nname = "e"\nkind = "embedding"\nspace = "shared/3"\n'
    for name in ("first", "second"):
        torchscript_card(folder / name, text=CARD + embedding)


def two_for_one_name(folder: Path) -> None:
    for name in ("first", "second"):
        torchscript_card(folder / name, name="same")


def of_classes(text: str) -> Make:
    return lambda folder: torchscript_card(folder, text=CARD.replace('["dark", "bright"]', text))


CASES: tuple[tuple[str, Make, str, str, str], ...] = (
    ("missing file", missing_file, "model.file", "'model.pt'", "a file in the folder of the card"),
    ("altered file", altered_file, "the sha256 of 'model.pt'", "", "as the card names it; the file was altered"),
    ("altered configuration", altered_snapshot, "the sha256 of 'snapshot/config.json'", "", "the file was altered"),
    (
        "unknown label",
        lambda folder: torchscript_card(folder, label="violence/weapons/sword"),
        "outputs[0].labels[0].label",
        "'violence/weapons/sword'",
        "a label of the taxonomy",
    ),
    (
        "wrong number of classes",
        of_classes('["dark", "grey", "bright"]'),
        "outputs[0].classes",
        "'3 words'",
        "2, one a score",
    ),
    (
        "wrong shape of an input",
        lambda folder: torchscript_card(folder, text=CARD.replace('kind = "frame"\nside_px = {side_px}', AUDIO)),
        "input of shape (1, 800)",
        "refused",
        "what the model takes and answers",
    ),
    (
        "output count",
        lambda folder: torchscript_card(folder, Alike(torch.rand(8, 2), torch.rand(8, 2))),
        "outputs",
        "['scores']",
        "one for each of the model's, in order (it answers 2 outputs)",
    ),
    ("tokenizer missing", missing_tokenizer, "model.file", "tokenizer.json", "a file in the folder of the card"),
    ("tokenizer not named", unnamed_tokenizer, "input.tokenizer", "'words.json'", "a file of model.files, or one"),
    ("tokenizer of sentences", tokenizer_of_prompts, "model.files", "config.json", "tokenizer.json among them"),
    (
        "licence not accepted",
        lambda folder: torchscript_card(folder, text=CARD.replace('"MIT"', '"OpenRAIL-M"')),
        "licence",
        "'OpenRAIL-M'",
        "accept another one with VIDSIGNAL_MODEL_LICENCES",
    ),
    ("two for one space", two_for_one_space, "outputs.space", "'shared/3'", "a value of its own"),
    ("two for one name", two_for_one_name, "name", "'same'", "a value of its own"),
    (
        "a pickle",
        lambda folder: write_card(folder, CARD.replace('"torchscript"', '"pickle"')),
        "model.format",
        "'pickle'",
        "torchscript",
    ),
)
AUDIO = 'kind = "audio"\nwindow_seconds = 0.05'


@pytest.mark.parametrize(("make", "field", "found", "allowed"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_stops_the_start(tmp_path: Path, make: Make, field: str, found: str, allowed: str) -> None:
    """Anyone who wrote the card reads where the fault is and what to write instead."""
    make(tmp_path / "mine" if "two" not in make.__name__ else tmp_path)

    with pytest.raises(CardInvalid) as raised:
        start(tmp_path)

    said = str(raised.value)
    assert said.startswith(f"card '{tmp_path}"), said
    place, _, rest = said.partition("; allowed: ")
    assert f": {field} is " in place, said
    assert found in place.partition(f": {field} is ")[2], said
    assert allowed in rest, said


def test_right_cards_start(tmp_path: Path) -> None:
    """The same start takes cards that are right."""
    torchscript_card(tmp_path / "script")
    tiny.text_classifier(tmp_path / "bert")
    start(tmp_path)
