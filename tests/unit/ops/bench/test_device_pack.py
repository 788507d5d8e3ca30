"""What travels to a machine with an accelerator, and what is made of it there."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from models.card_registry import CARDS
from models.loaders import MODULE_LOADERS
from models.model_files import WeightFile
from models.weights import cached_weight, file_sha256
from operators.inference.reference_inputs import FILE_NAME, name_of_inputs
from ops.bench.device import pack
from ops.bench.device.carried import INPUTS, MAX_BYTES, MIX, items_per_video, measured_models
from ops.bench.device.phases import models_remark
from tests.unit.ops.bench.test_device import CARD, stage_of, tiny


class TestPack:
    @pytest.fixture
    def cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Two models with weights of 2,000 and 5,000 bytes."""
        cards = []
        (tmp_path / "cache").mkdir()
        for name, num_bytes in (("large", 5_000), ("small", 2_000)):
            file = WeightFile(f"{name}==1", "weights.bin", "")
            path = cached_weight(file, tmp_path / "cache")
            path.parent.mkdir(parents=True)
            path.write_bytes(b"x" * num_bytes)
            cards.append(replace(CARD, name=name, files=(replace(file, sha256=file_sha256(path)),)))
        monkeypatch.setattr(pack, "cards", lambda: tuple(cards))
        np.savez(tmp_path / "cache" / FILE_NAME, **{card.name: np.zeros((2, 6), dtype=np.float32) for card in cards})
        return tmp_path / "cache"

    def packed(self, cache: Path, folder: Path, left_bytes: int) -> tuple[str, ...]:
        tree_bytes = MAX_BYTES - pack.SPARE_BYTES - left_bytes
        return pack.pack(folder, cache, {"large": 2.4}, tree_bytes)

    def test_everything_fits(self, cache: Path, tmp_path: Path) -> None:
        """Weights lie where a loader looks for them."""
        assert self.packed(cache, tmp_path / "out", 20_000) == ()
        assert {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()} == {INPUTS, MIX, "weights.bin"}
        assert json.loads((tmp_path / "out" / MIX).read_text()) == {"large": 2.4}

    def test_the_largest_is_left_out(self, cache: Path, tmp_path: Path) -> None:
        """It runs with random weights."""
        assert self.packed(cache, tmp_path / "out", 5_000) == ("large",)

    def test_inputs_alone_do_not_fit(self, cache: Path, tmp_path: Path) -> None:
        """Then there is nothing to measure with."""
        with pytest.raises(ValueError, match="allowed are"):
            self.packed(cache, tmp_path / "out", 100)

    def test_models_that_share_stored_frames(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Frames that several models take are stored once, under the first one's name; all are packed with them."""
        found = [replace(card, files=()) for card in pack.cards()]
        monkeypatch.setattr(pack, "cards", lambda: tuple(found))
        stored = {name_of_inputs(card, CARDS): np.zeros((1, 2), dtype=np.float32) for card in found}
        np.savez(tmp_path / FILE_NAME, **stored)  # type: ignore[arg-type]
        assert len(stored) < len(found)
        self.packed(tmp_path, tmp_path / "out", 50_000)
        with np.load(tmp_path / "out" / INPUTS) as packed:
            assert set(packed.files) == stored.keys()

    def test_as_many_inputs_as_leave_room_for_weights(self, cache: Path, tmp_path: Path) -> None:
        """Of all clips: the first, the last, and equally many of those between."""
        many = np.arange(62, dtype=np.float32).reshape(62, 1)
        np.savez(cache / FILE_NAME, large=many, small=many[:2])
        self.packed(cache, tmp_path / "out", 20_000)
        with np.load(tmp_path / "out" / INPUTS) as packed:
            numbers = packed["large"][:, 0].tolist()
            assert len(packed["small"]) == 2
        assert (len(numbers), numbers[0], numbers[-1]) == (pack.MAX_INPUTS, 0, 61)
        assert {second - first for first, second in pairwise(numbers)} == {1, 2}

    def test_what_python_compiled_does_not_travel(self, tmp_path: Path) -> None:
        """It is in no source tree that is copied."""
        (tmp_path / "ops" / "__pycache__").mkdir(parents=True)
        (tmp_path / "ops" / "__pycache__" / "a.pyc").write_bytes(b"x" * 900)
        (tmp_path / "ops" / "a.py").write_bytes(b"x" * 5)
        assert pack.tree_bytes(tmp_path) == 5


class TestCarried:
    def test_models_without_weights_are_random(self, tmp_path: Path) -> None:
        """Every model that may run on the device is measured, of the product's own architecture."""
        cards = pack.cards()
        inputs = {card.name: np.ones((2, *card.input_shape), dtype=card.input_dtype) for card in cards}
        np.savez(tmp_path / INPUTS, **inputs)  # type: ignore[arg-type]
        (tmp_path / MIX).write_text(json.dumps({cards[0].name: 7.6}))
        models = measured_models(tmp_path)
        assert [model.card.name for model in models] == [card.name for card in cards]
        assert {model.lacks for model in models} == {"its weights are not carried"}
        assert items_per_video(tmp_path, models)[cards[0].name] == 8
        assert sum(1 for _ in models[-1].build().parameters()) > 10

    def test_a_machine_that_lacks_a_format(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A model whose weights cannot be read there is random as well, and the report says why; the others are not."""
        files = {name: CARDS[name].files for name in ("yamnet", "efficientnet-lite0")}
        for file in (file for each in files.values() for file in each):
            path = cached_weight(file, tmp_path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

        def lacking(_folder: Path) -> nn.Module:
            raise ModuleNotFoundError("No module named 'onnx'")

        monkeypatch.setitem(MODULE_LOADERS, "yamnet", lacking)
        monkeypatch.setitem(MODULE_LOADERS, "efficientnet-lite0", lambda _folder: tiny())
        cards = [CARDS[name] for name in files]
        inputs = {card.name: np.ones((1, *card.input_shape), dtype=card.input_dtype) for card in cards}
        np.savez(tmp_path / INPUTS, **inputs)  # type: ignore[arg-type]
        (tmp_path / MIX).write_text("{}")
        models = {model.card.name: model for model in measured_models(tmp_path)}
        assert (models["efficientnet-lite0"].lacks, models["yamnet"].lacks) == ("", "No module named 'onnx'")
        assert models["yamnet"].build().eval() is not None
        assert "yamnet (No module named 'onnx')" in models_remark(stage_of(models["yamnet"]))
