"""Modules of added models: they answer as their card says, or the start ends with what they do instead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.added_cards import verify_files
from models.card_errors import CardInvalid
from models.card_file import read_card
from models.formats.answers import PixelInput
from models.loaders import load_module
from models.model_input import Colours, PixelLayout, PixelValues
from tests.support.tiny_models import CARD, SIDE_PX, Alike, Brightness, WithEmbedding, torchscript_card

EMBEDDED = CARD + '\n[[outputs]]\nname = "embedding"\nkind = "embedding"\nspace = "mine/3"\n'


def grey(*levels: int) -> Tensor:
    """A batch of squares of one level of grey each."""
    return torch.stack([torch.full((SIDE_PX, SIDE_PX, 3), level, dtype=torch.uint8) for level in levels])


def module_of(path: Path, tmp_path: Path) -> torch.nn.Module:
    return load_module(read_card(path, is_added=True), tmp_path)


class TestTorchscript:
    def test_answers(self, tmp_path: Path) -> None:
        """Pixels are scaled and laid out as the card says, logits become scores."""
        module = module_of(torchscript_card(tmp_path / "mine"), tmp_path)
        (scores,) = module(grey(0, 255, 128))

        assert scores[:, 1].tolist() == pytest.approx([0.0, 1.0, 0.54], abs=0.01)

    def test_mean_and_scale(self, tmp_path: Path) -> None:
        """(pixel * scale - mean) / std, by colour."""
        words = "side_px = {side_px}\nscale = 1.0\nmean = [64.0, 64.0, 64.0]\nstd = [128.0, 128.0, 128.0]"
        module = module_of(
            torchscript_card(tmp_path / "mine", text=CARD.replace("side_px = {side_px}", words)), tmp_path
        )
        (scores,) = module(grey(128, 192))

        assert scores[:, 1].tolist() == pytest.approx([0.5, 1.0], abs=0.01)

    def test_by_name(self, tmp_path: Path) -> None:
        """A model that answers by name may do so in any order."""
        module = module_of(torchscript_card(tmp_path / "mine", WithEmbedding(), EMBEDDED), tmp_path)
        scores, embedding = module(grey(0, 255))

        assert scores[:, 1].tolist() == pytest.approx([0.0, 1.0], abs=0.01)
        assert embedding.tolist() == [[0.0] * 3, [1.0] * 3]


class TestPixels:
    @pytest.mark.parametrize(
        ("layout", "colours", "shape"),
        [
            ("nchw", "rgb", (2, 3, 4, 5)),
            ("nhwc", "bgr", (2, 4, 5, 3)),
            ("ntchw", "rgb", (2, 6, 3, 4, 5)),
            ("ncthw", "bgr", (2, 3, 6, 4, 5)),
            ("nthwc", "rgb", (2, 6, 4, 5, 3)),
        ],
    )
    @pytest.mark.parametrize("dtype", ["float32", "uint8"])
    def test_layout(self, layout: PixelLayout, colours: Colours, shape: tuple[int, ...], dtype: str) -> None:
        """Every pixel is where the layout says; mean and std are in the order of the model's colours."""
        is_clip, is_turned = len(shape) == 5, colours == "bgr"
        batch = torch.randint(0, 256, (2, 6, 4, 5, 3) if is_clip else (2, 4, 5, 3), dtype=torch.uint8)
        values = PixelValues(layout, dtype, 0.5, (1.0, 2.0, 3.0), (2.0, 4.0, 8.0), colours)  # type: ignore[arg-type]
        found = PixelInput(values)(batch)
        assert found.shape == shape and found.is_contiguous()

        place = {"n": 1, "t": 4, "h": 3, "w": 2}
        for channel, (mean, std) in enumerate([(1.0, 2.0), (2.0, 4.0), (3.0, 8.0)]):
            colour = 2 - channel if is_turned else channel
            raw = float(batch[1, 4, 3, 2, colour] if is_clip else batch[1, 3, 2, colour])
            at = tuple({**place, "c": channel}[axis] for axis in layout)
            assert float(found[at]) == pytest.approx(raw if dtype == "uint8" else (raw * 0.5 - mean) / std)


def test_altered_after_the_check(tmp_path: Path) -> None:
    """Bytes that are loaded are those that are checked, even if the file seems to be as it was."""
    path = torchscript_card(tmp_path / "mine")
    card, file = read_card(path, is_added=True), tmp_path / "mine" / "model.pt"
    verify_files(card)
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(CardInvalid, match="the file was altered"):
        load_module(card, tmp_path)


class Moving(torch.nn.Module):
    """Two logits of (N, C, T, H, W): still and moving, by what the first layer of an X3D does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv3d(3, 1, (2, 1, 1), bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([-1.0, 1.0]).reshape(1, 1, 2, 1, 1).expand(1, 3, 2, 1, 1))

    def forward(self, clips: Tensor) -> Tensor:
        moving = 40.0 * (self.layer(clips).abs().mean((1, 2, 3, 4)) - 0.5)
        return torch.stack([-moving, moving], dim=1)


class TestClips:
    CLIP = CARD.replace('kind = "frame"\nside_px = {side_px}', 'kind = "clip"\nside_px = {side_px}\nframes = 4')

    def test_colours_first(self, tmp_path: Path) -> None:
        """Frames are in order of time where the model wants its axes as X3D and SlowFast do."""
        text = self.CLIP.replace("frames = 4", 'frames = 4\nlayout = "ncthw"')
        module = module_of(torchscript_card(tmp_path / "mine", Moving(), text), tmp_path)
        clips = torch.stack([grey(128, 128, 128, 128), grey(0, 255, 0, 255)])
        assert module(clips)[0][:, 1].tolist() == pytest.approx([0.0, 1.0], abs=0.01)

    def test_another_layout(self, tmp_path: Path) -> None:
        """Is refused with the shape that the card promises."""
        path = torchscript_card(tmp_path / "mine", Moving(), self.CLIP)
        with pytest.raises(CardInvalid, match=r"input of shape \(1, 4, 32, 32, 3\) is refused: "):
            module_of(path, tmp_path)


class TestRefused:
    def refusal(self, tmp_path: Path, *answers: Tensor, text: str = CARD) -> str:
        path = torchscript_card(tmp_path / "mine", Alike(*answers), text)
        with pytest.raises(CardInvalid) as raised:
            module_of(path, tmp_path)
        assert str(path) in str(raised.value)
        return str(raised.value)

    def test_number_of_outputs(self, tmp_path: Path) -> None:
        """One more output than the card names."""
        assert "it answers 2 outputs" in self.refusal(tmp_path, torch.rand(8, 2), torch.rand(8, 2))

    def test_number_of_classes(self, tmp_path: Path) -> None:
        """A class without a word, or a word without a class."""
        assert "outputs[0].classes is '2 words'; allowed: 3, one a score" in self.refusal(tmp_path, torch.rand(8, 3))

    def test_dimensions_of_an_embedding(self, tmp_path: Path) -> None:
        """A space's name ends in its dimensions."""
        said = self.refusal(tmp_path, torch.rand(8, 2), torch.rand(8, 4), text=EMBEDDED)
        assert "outputs[1].space is 'mine/3'; allowed: a space that ends in the dimensions of the output, [4]" in said

    def test_rows(self, tmp_path: Path) -> None:
        """One answer for a whole batch is none for each item."""
        assert "allowed: one row an input" in self.refusal(tmp_path, torch.rand(1, 2))

    def test_numbers_that_are_not_finite(self, tmp_path: Path) -> None:
        """Such a model would fail every video."""
        assert "allowed: finite numbers" in self.refusal(tmp_path, torch.full((8, 2), float("nan")))

    def test_scores_beyond_one(self, tmp_path: Path) -> None:
        """Logits that a card takes for scores."""
        said = self.refusal(tmp_path, torch.full((8, 2), 7.0), text=CARD.replace('"softmax"', '"none"'))
        assert "outputs[0].activation is 'none (7 to 7)'; allowed: softmax or sigmoid" in said

    def test_an_input_of_another_shape(self, tmp_path: Path) -> None:
        """What the model says of it is told."""

        class Picky(Brightness):
            def __init__(self) -> None:
                super().__init__()
                self.layer = torch.nn.Linear(48, 2)

            def forward(self, batch: Tensor) -> Tensor:
                return self.layer(batch.mean((1, 2)))

        path = torchscript_card(tmp_path / "mine", Picky())
        with pytest.raises(CardInvalid, match=r"input of shape \(1, 32, 32, 3\) is refused: "):
            module_of(path, tmp_path)

    def test_other_bytes(self, tmp_path: Path) -> None:
        """A file with the right hash that is no archive."""
        path = torchscript_card(tmp_path / "mine")
        (tmp_path / "mine" / "model.pt").write_bytes(b"\x80\x04pickle")
        from tests.support.tiny_models import write_card

        write_card(tmp_path / "mine")
        with pytest.raises(CardInvalid, match=r"model\.files is 'model\.pt: a pickle'; allowed: an archive"):
            module_of(path, tmp_path)
