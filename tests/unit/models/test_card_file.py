"""Cards as files: what a card may say, and what its author is told where it says something else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from models.card_errors import CardInvalid
from models.card_file import read_card
from models.card_registry import CARD_FOLDER, CARDS
from models.card_text import MAX_CARD_BYTES
from tests.support.tiny_models import BLADE, CARD, write_card
from tests.support.tiny_transformers import AST_INPUT


def message_of(folder: Path, old: str, new: str) -> str:
    """What is said of a card in which one text stands in place of another."""
    assert old in CARD
    path = write_card(folder, CARD.replace(old, new, 1))
    with pytest.raises(CardInvalid) as raised:
        read_card(path, is_added=True)
    assert str(path) in str(raised.value)
    return str(raised.value)


class TestProductsOwn:
    def test_one_file_a_model(self) -> None:
        """A card's file bears its name, so that it is found."""
        assert {path.stem for path in CARD_FOLDER.glob("*.toml")} == set(CARDS)

    @pytest.mark.parametrize("path", sorted(CARD_FOLDER.glob("*.toml")), ids=lambda path: path.stem)
    def test_no_one_may_add_one(self, path: Path) -> None:
        """Weights of packages, operators and vocabularies belong to the product, whose release pins them."""
        with pytest.raises(CardInvalid, match=r"model\.format is 'package'"):
            read_card(path, is_added=True)


class TestAddedCard:
    def test_is_read(self, tmp_path: Path) -> None:
        """The least that a card may say."""
        card = read_card(write_card(tmp_path / "one"), is_added=True)

        assert (card.name, card.modality, card.input_shape, card.input_dtype) == ("one", "frames", (32, 32, 3), "uint8")
        assert [source.label for source in card.labels] == [BLADE]
        assert card.outputs == ("scores",)
        assert card.is_added

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('class = "bright"', 'class = "dark"'),
            ("side_px = {side_px}", "side_px = 64"),
            ("side_px = {side_px}", "side_px = {side_px}\nmean = [0.1, 0.1, 0.1]"),
            ('activation = "softmax"', 'activation = "sigmoid"'),
            ('version = "1.0.0"', 'version = "1.0.1"'),
            ('sha256 = "{sha256}"', f'sha256 = "{"1" * 64}"'),
        ],
    )
    def test_fingerprint_follows_the_card(self, tmp_path: Path, old: str, new: str) -> None:
        """Whatever may change a result makes another fingerprint."""
        first = read_card(write_card(tmp_path / "one"), is_added=True)
        second = read_card(write_card(tmp_path / "one", CARD.replace(old, new, 1)), is_added=True)

        assert first.fingerprint != second.fingerprint

    def test_fingerprint_stays_where_words_change(self, tmp_path: Path) -> None:
        """Comments, order and descriptions change no result."""
        first = read_card(write_card(tmp_path / "one"), is_added=True)
        text = "# A remark.\n" + CARD.replace("Made by a test.", "Made by a test, again.")
        second = read_card(write_card(tmp_path / "one", text), is_added=True)

        assert first.fingerprint == second.fingerprint


class TestWrongCards:
    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('kind = "frame"', 'kind = "frames"', "input.kind is 'frames'; allowed: .*did you mean 'frame'"),
            ("side_px = {side_px}", "side_pixels = 3", "input.side_pixels is no key.*did you mean 'side_px'"),
            ("side_px = {side_px}", "", "input lacks the field 'side_px', which is a whole number from 8 up to 1024"),
            ("side_px = {side_px}", "side_px = 4096", "input.side_px is 4096; allowed: .*from 8 up to 1024"),
            ("side_px = {side_px}", 'side_px = "32"', "input.side_px is '32'; .*write 32, without quotes"),
            ("side_px = {side_px}", "side_px = 32\nresize_px = 16", "input.resize_px is 16; allowed: at least .* 32"),
            ("side_px = {side_px}", "side_px = 32\nstd = [1.0, 0.0, 1.0]", r"input.std\[1\] is 0.0; .*above 0"),
            ("side_px = {side_px}", "side_px = 32\nmean = [1.0]", r"input.mean is \[1.0\]; allowed: a list"),
            ("side_px = {side_px}", "side_px = 32\nscale = nan", "input.scale is null; allowed: a number above 0"),
            ('format = "torchscript"', 'format = "pickle"', "model.format is 'pickle'; allowed: "),
            ('name = "{name}"', 'name = "Two Words"', "name is 'Two Words'; allowed: lower-case letters"),
            ('licence = "MIT"', 'license = "MIT"', "license is no key of a card.*did you mean 'licence'"),
            ('sha256 = "{sha256}"', 'sha256 = "abc"', "model.sha256 is 'abc'; allowed: 64 .*hexadecimal"),
            ('label = "{label}"', 'label = "violence/weapons/blade"', "label is .*did you mean '" + BLADE),
            ('class = "bright"', 'class = "brigth"', "class is 'brigth'; allowed: one of the 2.*did you mean 'bright'"),
            ('classes = ["dark", "bright"]', "", r"outputs\[0\].classes is \[\]; allowed: the model's own word"),
            ('activation = "softmax"', 'activation = "relu"', "activation is 'relu'; allowed: none, sigmoid, softmax"),
            ("[[outputs.labels]]", "[[outputs.label]]", r"outputs\[0\].label is no key.*did you mean 'labels'"),
            ('licence = "MIT"', 'licence = "MIT"\nuse = "text-meaning"', "use is 'text-meaning'; allowed: nothing"),
            ('activation = "softmax"', 'vocabulary = "imagenet-1k"', "vocabulary is 'imagenet-1k'; allowed: nothing"),
            (
                'label = "{label}"',
                'label = "{label}"\ncalibration = [[0.5, 0.1], [0.2, 0.9]]',
                "calibration is .*; allowed: at least two points",
            ),
        ],
    )  # fmt: skip
    def test_is_told(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        """File, field, what was found, what is allowed, and what was likely meant."""
        assert re.search(said, message_of(tmp_path / "one", old, new))

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            ("[runs]\nbatch_sizes = [4, 1]", "runs.batch_sizes is [4, 1]; allowed: ascending numbers"),
            ("[runs]\nbatch_sizes = []", "runs.batch_sizes is []; allowed: at least one size"),
            ("[runs]\nbatch_sizes = [0]", "runs.batch_sizes[0] is 0; allowed: a whole number from 1 up to 64"),
            ('[runs]\nprecisions = ["bfloat16"]', "runs.precisions is ['bfloat16']; allowed: a list with float32"),
            (
                '[runs]\nprecisions = ["float32", "bfloat16"]',
                "runs.precisions is ['float32', 'bfloat16']; allowed: float32",
            ),
            ('[runs]\nprecisions = ["float32", "float32"]', "['float32', 'float32']; allowed: each once"),
            (
                '[runs]\ndevices = ["cpu", "gpu"]',
                "runs.devices[1] is 'gpu'; allowed: cpu, cuda, kserve, neuron, openai",
            ),
            ("[runs]\ndevices = []", "runs.devices is []; allowed: "),
            ('[[outputs]]\nname = "scores"\nkind = "other"', "outputs is 'scores'; allowed: each name once"),
            ('[[outputs]]\nname = "b"\nkind = "scores"\nclasses = ["x"]', "allowed: one output of scores a card"),
            (
                '[[outputs]]\nname = "b"\nkind = "embedding"\nspace = "x"',
                "space is 'x'; allowed: a name and the number",
            ),
        ],
    )
    def test_further_tables(self, tmp_path: Path, lines: str, said: str) -> None:
        """The same of what a card may leave out."""
        path = write_card(tmp_path / "one", f"{CARD}\n{lines}\n")
        with pytest.raises(CardInvalid) as raised:
            read_card(path, is_added=True)
        assert said in str(raised.value)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("sample_rate_hz = 16001", "input.sample_rate_hz is 16001; allowed: a multiple of 25"),
            ("sample_rate_hz = 96000", "input.sample_rate_hz is 96000; allowed: .* up to 48000"),
            ("hop_seconds = 2.0", "input.hop_seconds is 2.0; allowed: at most window_seconds"),
            ("hop_seconds = 0.02", "input.hop_seconds is 0.02; allowed: at least a 16th"),
            ("normalise = true", "input.normalise is true; allowed: false with log_mel"),
            ("window_seconds = 0.02", "input.log_mel.frame_samples is 512; allowed: at most .* 320"),
        ],
    )
    def test_sound(self, tmp_path: Path, line: str, said: str) -> None:
        """The same of windows."""
        key = line.partition(" ")[0]
        lines = line if key == "window_seconds" else f"window_seconds = 1.0\n{line}"
        sound = AST_INPUT.replace("window_seconds = 1.0", lines)
        assert re.search(said, message_of(tmp_path / "one", 'kind = "frame"\nside_px = {side_px}', sound))

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('"kaldi"', '"mfcc"', "kind is 'mfcc'; allowed: "),
            ('"kaldi"', '"whisper"\nscale = "htk"', "scale is 'htk'; allowed: slaney with whisper"),
            ('"kaldi"', '"kaldi"\nfft_samples = 400', "fft_samples is 400; allowed: 512"),
            ('"kaldi"', '"natural"\nfft_samples = 200', "fft_samples is 200; allowed: at least frame_samples, 400"),
            ('"kaldi"', '"kaldi"\nhighest_hz = 9000', "highest_hz is 9000.0; allowed: at most half .*, 8000"),
            ('"kaldi"', '"kaldi"\nlowest_hz = 8000', "lowest_hz is 8000.0; allowed: less than highest_hz, 8000"),
            ("mels = 32", "mels = 512\nchannel = 1", "channel is 1; allowed: true or false"),
            ("mels = 32", "mel = 32", "mel is no key of a card.*did you mean 'mels'"),
        ],
    )
    def test_spectrograms(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        """The same of spectrograms."""
        sound = AST_INPUT.replace(old, new, 1)
        found = message_of(tmp_path / "one", 'kind = "frame"\nside_px = {side_px}', sound)
        assert re.search(f"input.log_mel.{said}", found)

    def test_a_spectrogram_that_is_too_large(self, tmp_path: Path) -> None:
        """An item has a limit; the largest that is allowed has this shape."""
        frame, large = 'kind = "frame"\nside_px = {side_px}', AST_INPUT.replace("mels = 32\n", "mels = 512\n")
        large = large.replace("frames = 112", "frames = 8192\nchannel = true")
        path = write_card(tmp_path / "one", CARD.replace(frame, large))
        assert read_card(path, is_added=True).input_shape == (1, 8192, 512)
        large = large.replace("window_seconds = 1.0", "window_seconds = 30.0\nsample_rate_hz = 48000")
        large = large.replace("frames = 8192\n", "").replace("hop_samples = 160", "hop_samples = 16")
        assert "input.log_mel.frames is 89976; allowed: at most 8192" in message_of(tmp_path / "one", frame, large)

    @pytest.mark.parametrize(
        ("lines", "said"),
        [
            ("frames = 1", "input.frames is 1; allowed: a whole number from 2 up to 64"),
            (
                "frames = 8\nstride = 2\nframe_seconds = 0.1",
                "input.stride is 2; allowed: nothing together with frame_s",
            ),
            ("frames = 64\nframe_seconds = 0.1\nclips = 9", "input.clips is 9; allowed: at most 8 with 64 frames"),
            ("frames = 64\nresize_px = 1024", "input.frames is 64; allowed: at most 10 with side_px 1024"),
            ('frames = 8\nlayout = "nchw"', "input.layout is 'nchw'; allowed: ncthw, ntchw, nthwc"),
            ("frames = 8\npad_level = 114", "input.pad_level is 114; allowed: 0 with shorter-side, which adds nothing"),
        ],
    )
    def test_clips(self, tmp_path: Path, lines: str, said: str) -> None:
        """The same of clips."""
        side = 1024 if "1024" in lines else 32
        given = f'kind = "clip"\nside_px = {side}\n{lines}'
        assert said in message_of(tmp_path / "one", 'kind = "frame"\nside_px = {side_px}', given)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"name = ", b"[" * 5_000, b"a = 1\na = 2"])
    def test_no_card_at_all(self, tmp_path: Path, content: bytes) -> None:
        """Whatever bytes the file holds, its name is told and nothing else is raised."""
        path = tmp_path / "card.toml"
        path.write_bytes(content)
        with pytest.raises(CardInvalid, match=r"card\.toml"):
            read_card(path, is_added=True)

    def test_too_large(self, tmp_path: Path) -> None:
        """A file is read up to a limit."""
        path = tmp_path / "card.toml"
        path.write_bytes(b"#" * (MAX_CARD_BYTES + 1))
        with pytest.raises(CardInvalid, match="at most"):
            read_card(path, is_added=True)


CHAT_CARD = """
name = "judge"
version = "1.0.0"
purpose = "Finds lights."
source = "a chat server"
licence = "Apache-2.0"
checked_on = "nothing"

[input]
kind = "frame"
side_px = 64

[model]
format = "chat"
question = "Is there a light, and is it red?"

[[outputs]]
kind = "scores"
name = "scores"
classes = ["light", "red"]
"""


class TestChatCard:
    def test_has_no_files(self, tmp_path: Path) -> None:
        """A question and the words for what is asked; it runs on a chat server alone."""
        path = tmp_path / "judge.toml"
        path.write_text(CHAT_CARD)
        card = read_card(path, is_added=True)
        assert (card.devices, card.input_shape, card.input_dtype) == (("openai",), (64, 64, 3), "uint8")
        assert card.model is not None
        assert (card.model.question, card.model.files) == ("Is there a light, and is it red?", ())

    def test_its_question_decides_its_fingerprint(self, tmp_path: Path) -> None:
        """Another question has other answers."""
        path = tmp_path / "judge.toml"
        found = []
        for question in ("Is there a light", "Is there a lamp"):
            path.write_text(CHAT_CARD.replace("Is there a light", question))
            found.append(read_card(path, is_added=True).fingerprint)
        assert found[0] != found[1]

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (
                "[[outputs]]",
                '[runs]\ndevices = ["cpu", "openai"]\n\n[[outputs]]',
                "allowed: openai: nothing of the model",
            ),
            ('classes = ["light", "red"]', "", "outputs[0].kind is 'scores'; allowed: scores with classes"),
            (
                'kind = "frame"\nside_px = 64',
                'kind = "audio"\nwindow_seconds = 1',
                "an input of the kind frame or crop",
            ),
        ],
    )
    def test_says_what_it_may_not(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        """Field, value, and what is allowed."""
        assert old in CHAT_CARD
        path = tmp_path / "judge.toml"
        path.write_text(CHAT_CARD.replace(old, new))
        with pytest.raises(CardInvalid) as raised:
            read_card(path, is_added=True)
        assert said in str(raised.value)
