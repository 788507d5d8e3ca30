"""Outputs of boxes and text: whatever form a model answers in, and what a card cannot say of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from models.added_cards import CardSettings, installed_cards
from models.card_errors import CardInvalid
from models.card_file import read_card
from models.ctc_text import CtcVocabulary, read_vocabulary
from models.formats.boxes import box_rows
from models.loaders import load_module
from models.model_output import BoxOutput
from tests.documents import DOCS
from tests.support.tiny_models import BLADE, CARD, Alike, sha256_of, torchscript_card, write_card

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

OUTPUT = BoxOutput(0, ("cat", "dog"), threshold=0.5, max_boxes=2, max_overlap=0.5, scores_index=1)
XYXY = torch.tensor([[[0.0, 0.1, 0.2, 0.3], [0.5, 0.5, 1.0, 0.9], [0.2, 0.2, 0.4, 0.4]]])
SCORES = torch.tensor([[[0.1, 0.2], [0.9, 0.3], [0.4, 0.6]]])

HEAD, _, _ = CARD.partition("[[outputs]]")
BOXES = (
    HEAD
    + """[[outputs]]
name = "boxes"
kind = "boxes"
scores = "scores"
classes = ["cat", "dog"]

[[outputs.labels]]
class = "cat"
label = "{label}"

[[outputs]]
name = "scores"
kind = "other"
"""
)
TEXT = (
    HEAD
    + """[[outputs]]
name = "tokens"
kind = "text"
vocabulary_sha256 = "{vocabulary}"
"""
)
DETECTORS = "of boxes: centerface, finder, nanodet-g"
CROP = 'kind = "crop"\nof = "finder"\nside_px = 32'
_FRAME = 'kind = "frame"\nside_px = {side_px}'


def variant(**changes: object) -> BoxOutput:
    from dataclasses import replace

    return replace(OUTPUT, **changes)  # type: ignore[arg-type]


class TestForms:
    def test_rows(self) -> None:
        """The best first, each with the class that scores highest."""
        (rows,) = box_rows(OUTPUT, XYXY, SCORES)[:, :3]
        assert rows[:, 4].tolist() == pytest.approx([0.9, 0.6, 0.2])
        assert rows[:, 5].tolist() == [0, 1, 1]
        torch.testing.assert_close(rows[:, :4], XYXY[0, [1, 2, 0]])

    @pytest.mark.parametrize("coordinates", ["xywh", "cxcywh"])
    def test_coordinates(self, coordinates: str) -> None:
        """Corner or centre with a size, in pixels of the square."""
        size = XYXY[..., 2:] - XYXY[..., :2]
        first = XYXY[..., :2] if coordinates == "xywh" else XYXY[..., :2] + size / 2
        output = variant(coordinates=coordinates, side_px=64)
        (rows,) = box_rows(output, 64 * torch.cat([first, size], dim=2), SCORES)[:, :3]
        torch.testing.assert_close(rows[:, :4], XYXY[0, [1, 2, 0]])

    @pytest.mark.parametrize("place", ["first", "last"])
    def test_background(self, place: str) -> None:
        """Its column is no class; with softmax it takes its part of the score."""
        nothing = torch.full((1, 3, 1), 5.0)
        scores = torch.cat([nothing, SCORES] if place == "first" else [SCORES, nothing], dim=2)
        (rows,) = box_rows(variant(background=place, activation="softmax"), XYXY, scores)[:, :3]
        assert rows[:, 5].tolist() == [0, 1, 1]
        assert float(rows[:, 4].max()) < 0.05

    def test_rows_of_the_model_itself(self) -> None:
        """As detectors with their own selection answer: corners, score, class."""
        own = torch.cat([XYXY, torch.tensor([[[0.3, 1.0], [0.8, 0.0], [0.1, 7.0]]])], dim=2)
        (rows,) = box_rows(variant(scores_index=None), own, None)[:, :3]
        assert rows[:, 4].tolist() == pytest.approx([0.8, 0.3, 0.1])
        assert rows[:, 5].tolist() == [0, 1, 1]

    def test_limit(self) -> None:
        """Of thousands of boxes few leave the device."""
        (rows,) = box_rows(OUTPUT, torch.rand(1, 500, 4), torch.rand(1, 500, 2))
        assert rows.shape == (8, 6)

    @pytest.mark.parametrize("number", [0, 1, 3])
    def test_lists_of_any_length(self, number: int) -> None:
        """A detector that answers what it finds, or nothing, has as many rows as all others: zeros fill them up."""
        (rows,) = box_rows(OUTPUT, XYXY[:, :number], SCORES[:, :number])
        assert rows.shape == (8, 6)
        assert not rows[number:].any()
        assert int((rows[:, 4] > 0).sum()) == number


class TestReading:
    VOCABULARY = CtcVocabulary({1: "a", 2: "b", 3: " "}, 4)

    @pytest.mark.parametrize(
        ("tokens", "text"),
        [([1, 1, 0, 1, 2, 2], "aab"), ([0, 0, 0], ""), ([3, 1, 3, 3, 0, 3, 2, 3], "a b"), ([9, 1, 9], "a"), ([], "")],
    )
    def test_repetitions_and_blanks(self, tokens: list[int], text: str) -> None:
        """Equal tokens in a row are one character, unless a blank is between them; spaces at the ends go."""
        steps = np.array([[token, 0.5] for token in tokens], np.float32).reshape(-1, 2)
        assert self.VOCABULARY.read(steps) == (text, pytest.approx(0.5 if text else 0.0))

    def test_score(self) -> None:
        """The mean over characters of the best step of each; blanks do not count."""
        steps = np.array([[1, 0.5], [1, 0.9], [0, 0.1], [2, 0.7]], np.float32)
        assert self.VOCABULARY.read(steps)[1] == pytest.approx(0.8)


def refusal(path: Path) -> str:
    with pytest.raises(CardInvalid) as raised:
        load_module(read_card(path, is_added=True), path.parent)
    assert str(path) in str(raised.value)
    return str(raised.value)


class TestRefused:
    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('scores = "scores"', 'scores = "score"', r"\[0\].scores is 'score'; allowed: .*did you mean 'scores'"),
            ('scores = "scores"', 'activation = "sigmoid"', r"activation is 'sigmoid'; allowed: none without scores"),
            ('scores = "scores"', 'background = "last"', r"background is 'last'; allowed: none without scores"),
            ('classes = ["cat", "dog"]', "", r"outputs\[0\].classes is \[\]; allowed: the model's own word"),
            ('classes = ["cat", "dog"]', 'classes = ["cat", "cat"]', "classes is .*; allowed: each word once"),
            ('class = "cat"', 'class = "cta"', r"class is 'cta'; allowed: one of the 2.*did you mean 'cat'"),
            ('kind = "other"', 'kind = "scores"\nclasses = ["x"]', r"outputs\[1\].kind is 'scores'; allowed: other"),
            ('scores = "scores"', 'scores = "scores"\nmax_boxes = 1000', "max_boxes is 1000; allowed: .*up to 100"),
            (
                'scores = "scores"',
                'scores = "scores"\ngroups = {{people = ["cta"]}}',
                r"groups.people is 'cta'; allowed: some of the 2 classes of the output; did you mean 'cat'",
            ),
            (
                'scores = "scores"',
                'scores = "scores"\ngroups = {{people = ["cat"], animals = ["cat"]}}',
                r"groups.people is 'cat'; allowed: each class once; it is among animals as well",
            ),
            (
                'scores = "scores"',
                'scores = "scores"\ngroups = {{cats = ["cat"]}}',
                r"outputs\[0\].groups is 'cats'; allowed: people, faces, vehicles, animals, objects",
            ),
            (_FRAME, f"{_FRAME}\nmax_frames = 0", "input.max_frames is 0; allowed: .*1"),
            (_FRAME, 'kind = "clip"\nframes = 4\nside_px = 32', "kind is 'boxes'; allowed: scores, embedding, text"),
            (_FRAME, 'kind = "audio"\nwindow_seconds = 1.0', "kind is 'boxes'; allowed: scores, embedding, text"),
            (_FRAME, CROP, "kind is 'boxes'; allowed: scores, text, other, by the kind of the input"),
        ],
    )  # fmt: skip
    def test_boxes(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        """File, field, what was found, what is allowed."""
        assert old in BOXES
        assert re.search(said, refusal(write_card(tmp_path / "one", BOXES.replace(old, new, 1))))

    def test_groups(self, tmp_path: Path) -> None:
        """A class that no group names is an object; without groups nothing is counted; a budget is on the card."""
        text = BOXES.replace('scores = "scores"', 'scores = "scores"\ngroups = {{animals = ["cat"]}}', 1)
        card = read_card(write_card(tmp_path / "one", text.replace(_FRAME, f"{_FRAME}\nmax_frames = 3")), is_added=True)
        plain = read_card(write_card(tmp_path / "two", BOXES), is_added=True)

        assert card.boxes is not None and plain.boxes is not None
        assert (card.boxes.groups, plain.boxes.groups) == (("animals", "objects"), ())
        assert (card.max_frames, plain.max_frames) == (3, None)

    @pytest.mark.parametrize(
        ("boxes", "scores", "said"),
        [
            (torch.rand(8, 3, 5), torch.rand(8, 3, 2), r"not \(N, B, 4\)"),
            (torch.rand(8, 3, 4), torch.rand(8, 3, 3), r"have the shape \(1, 3, 3\), not \(1, 3, 2\)"),
            (torch.rand(8, 3, 4), torch.rand(8, 3, 2) + 3, "activation is 'none .*; allowed: softmax or sigmoid"),
        ],
    )
    def test_answers(self, tmp_path: Path, boxes: Tensor, scores: Tensor, said: str) -> None:
        """Of a model that answers otherwise than its card says."""
        assert re.search(said, refusal(torchscript_card(tmp_path / "one", Alike(boxes, scores), BOXES)))

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("[1]", "a JSON object of tokens"),
            ("{}", "columns from 0 on"),
            ('{"a": -1}', "columns from 0 on"),
            ('["a", "b"]', r"outputs\[0\].blank is '<pad>'; allowed: a token of the vocabulary"),
        ],
    )
    def test_vocabularies(self, tmp_path: Path, content: str, said: str) -> None:
        """A file with the right hash that is no vocabulary."""
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "vocab.json").write_text(content)
        words = {"vocabulary": sha256_of(tmp_path / "one" / "vocab.json")}
        found = refusal(torchscript_card(tmp_path / "one", Alike(torch.rand(8, 5, 3)), TEXT, **words))
        assert re.search(said, found)

    def test_an_altered_vocabulary(self, tmp_path: Path) -> None:
        """It stops the start, as an altered model does."""
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "vocab.json").write_text('["<pad>", "a", "b"]')
        path = torchscript_card(tmp_path / "one", Alike(torch.rand(8, 5, 3)), TEXT, vocabulary="1" * 64)
        assert "the file was altered" in refusal(path)

    def test_more_words_than_columns(self, tmp_path: Path) -> None:
        """Some would never be read."""
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "vocab.json").write_text(json.dumps({"<pad>": 0, "a": 7}))
        words = {"vocabulary": sha256_of(tmp_path / "one" / "vocab.json")}
        found = refusal(torchscript_card(tmp_path / "one", Alike(torch.rand(8, 5, 3)), TEXT, **words))
        assert "it scores 3 tokens, and its vocabulary names 8" in found

    def test_list(self, tmp_path: Path) -> None:
        """A list of tokens is a vocabulary as well; `[PAD]` may be the blank."""
        (tmp_path / "one").mkdir()
        (tmp_path / "one" / "vocab.json").write_text('["[PAD]", "[UNK]", "x", " "]')
        words = {"vocabulary": sha256_of(tmp_path / "one" / "vocab.json")}
        text = TEXT + 'blank = "[PAD]"\nspace = " "\n'
        card = read_card(torchscript_card(tmp_path / "one", Alike(torch.rand(8, 5, 4)), text, **words), is_added=True)
        load_module(card, tmp_path)
        assert card.model is not None and card.text is not None
        assert read_vocabulary(card.model, card.text).characters == {2: "x", 3: " "}


class TestCrops:
    def installed(self, folder: Path, crop: str = CROP) -> str:
        write_card(folder / "finder", BOXES)
        write_card(folder / "mine", CARD.replace(_FRAME, crop))
        settings = CardSettings(folders=(folder,), trusted_folders=(folder,))
        try:
            installed_cards(settings)
        except CardInvalid as error:
            assert str(folder / "mine" / "card.toml") in str(error)
            return str(error)
        return ""

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("", "", "^$"),
            ('of = "finder"', 'of = "fnder"', rf"input.of is 'fnder'; allowed: .* {DETECTORS}; did you mean 'finder'"),
            ('of = "finder"', 'of = "mine"', rf"input.of is 'mine'; allowed: .* {DETECTORS}"),
            ('of = "finder"', 'of = "opennsfw"', rf"input.of is 'opennsfw'; allowed: .* {DETECTORS}"),
            ('of = "finder"', 'of = "finder"\nclasses = ["car"]', r"classes\[0\] is 'car'; allowed: .* 2 classes"),
            ('of = "finder"', 'of = "finder"\nmax_crops = 33', r"input.max_crops is 33; allowed: .*up to 32"),
        ],
    )  # fmt: skip
    def test_both_cards_are_checked(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        """The model that finds the parts must run, have boxes and know the classes."""
        assert re.search(said, self.installed(tmp_path, CROP.replace(old, new, 1) if old else CROP))

    def test_embeddings_of_parts(self, tmp_path: Path) -> None:
        """Nobody could say what a mean over different things means."""
        text = CARD.replace(_FRAME, CROP) + '\n[[outputs]]\nname = "e"\nkind = "embedding"\nspace = "mine/2"\n'
        found = refusal(write_card(tmp_path / "mine", text))
        assert "outputs[1].kind is 'embedding'; allowed: scores, text, other, by the kind of the input" in found
        assert BLADE in text.format(label=BLADE, name="", file="", sha256="", side_px=1)


INPUTS = {
    "frame": "side_px = 32",
    "clip": "side_px = 32\nframes = 4",
    "crop": 'side_px = 32\nof = "finder"',
    "audio": "window_seconds = 1.0",
    "text": f'max_tokens = 8\ntokenizer_sha256 = "{"0" * 64}"',
}
OUTPUTS = {
    "scores": 'classes = ["x", "y"]',
    "boxes": 'classes = ["x", "y"]',
    "text": f'vocabulary_sha256 = "{"0" * 64}"',
    "embedding": 'space = "mine/3"',
    "other": "",
}


def documented() -> dict[str, set[str]]:
    """By kind of output, the kinds of input that go with it, as the page for operators says."""
    _, _, table = DOCS["models.md"].partition("| `outputs.kind` | what it is |")
    rows = [line.split("|") for line in table.splitlines()[2 : 2 + len(OUTPUTS)]]
    found = {row[1].strip(" `"): row[3] for row in rows}
    return {kind: set(INPUTS) if "all" in cell else set(re.findall("`(.*?)`", cell)) for kind, cell in found.items()}


class TestEveryCombination:
    @pytest.mark.parametrize("kind", INPUTS)
    @pytest.mark.parametrize("output", OUTPUTS)
    def test_is_read_or_refused_as_documented(self, tmp_path: Path, kind: str, output: str) -> None:
        """With file, field, what was found and what is allowed."""
        lines = f'[[outputs]]\nname = "a"\nkind = "{output}"\n{OUTPUTS[output]}\n'
        path = write_card(tmp_path / "mine", HEAD.replace(_FRAME, f'kind = "{kind}"\n{INPUTS[kind]}') + lines)
        if kind in documented()[output]:
            assert read_card(path, is_added=True).outputs == ("a",)
            return
        with pytest.raises(CardInvalid) as raised:
            read_card(path, is_added=True)
        said = str(raised.value)
        assert re.search(rf"outputs\[0\].kind is '{output}'; allowed: .*, by the kind of the input", said)
        assert str(path) in said
        allowed, _, _ = said.partition("; allowed: ")[2].partition(", by the kind")
        assert set(allowed.split(", ")) == {other for other, inputs in documented().items() if kind in inputs}
