"""The detectors of objects and faces against the published graphs."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor

from models.centerface import SIDE_PX, CenterFace, load_centerface
from models.imagenet_labels import load_imagenet_groups, load_imagenet_labels
from models.nanodet import NUM_BINS, STRIDES_PX, NanoDet, load_nanodet
from models.tfjs_weights import read_convolutions
from models.weight_files import CENTERFACE, NANODET, NANODET_GRAPH
from models.weights import weight_path
from tests.support.tfjs_graph import TfjsGraph

SCORES, BINS = ("Identity", "Identity_1", "Identity_2"), ("Identity_3", "Identity_4", "Identity_5")
"""Outputs of the graph, the finest level first."""


def picture() -> Tensor:
    """Coloured blobs, (1, 416, 416, 3) uint8."""
    noise = np.random.default_rng(1).integers(0, 256, (13, 13, 3), dtype=np.uint8)
    return torch.from_numpy(cv2.resize(noise, (416, 416), interpolation=cv2.INTER_CUBIC))[None]


@pytest.fixture(scope="module")
def nanodet(cache_dir: Path) -> NanoDet:
    """The detector of objects with its published weights."""
    return load_nanodet(cache_dir)


@pytest.fixture(scope="module")
def centerface(cache_dir: Path) -> CenterFace:
    """The detector of faces with its published weights."""
    return load_centerface(cache_dir)


class TestNanoDet:
    def test_scores_and_boxes(self, nanodet: NanoDet, cache_dir: Path) -> None:
        """Scores are those of the graph; boxes are what its distributions of distances come to."""
        pixels = picture()
        normal = (pixels.flip(-1).float() - nanodet.bgr_mean) / nanodet.bgr_std
        graph = TfjsGraph(weight_path(NANODET_GRAPH, cache_dir), weight_path(NANODET, cache_dir))
        with torch.inference_mode():
            boxes, scores = nanodet(pixels)
            found = graph.run(normal.permute(0, 3, 1, 2), [*SCORES, *BINS])

        torch.testing.assert_close(scores, torch.cat(found[:3], dim=1), atol=1e-4, rtol=1e-3)
        assert float(scores.max()) > 0.01
        begin = 0
        for stride, bins in zip(STRIDES_PX, found[3:], strict=True):
            side = SIDE_PX // stride
            place = side * (side // 2) + side // 3  # a point in the middle third
            shares = bins[0, place].reshape(4, NUM_BINS).softmax(dim=1).numpy()
            left, top, right, bottom = stride * (shares * np.arange(NUM_BINS)).sum(axis=1)
            x, y = (side // 3 + 0.5) * stride, (side // 2 + 0.5) * stride
            expected = np.array([x - left, y - top, x + right, y + bottom]) / SIDE_PX
            assert boxes[0, begin + place].numpy() == pytest.approx(expected, abs=1e-3)
            begin += side * side

    def test_other_weights(self, tmp_path: Path) -> None:
        """A file with more bytes than the graph names is refused."""
        manifest = [{"weights": [{"name": "w", "shape": [2], "dtype": "float32"}]}]
        graph = {"weightsManifest": manifest, "modelTopology": {"node": []}}
        (tmp_path / "graph.json").write_text(json.dumps(graph))
        (tmp_path / "graph.bin").write_bytes(bytes(9))
        with pytest.raises(ValueError, match="9 bytes, of which 8 are named"):
            read_convolutions(tmp_path / "graph.json", tmp_path / "graph.bin")


class TestCenterFace:
    def test_graph(self, centerface: CenterFace, cache_dir: Path) -> None:
        """Scores are those of the graph, and boxes what its sizes and shifts come to."""
        pixels = picture()
        heat, size, shift = _answers(weight_path(CENTERFACE, cache_dir), pixels)
        with torch.inference_mode():
            boxes, scores = centerface(pixels)

        side = SIDE_PX // 4
        assert scores[0, :, 0].numpy().reshape(side, side) == pytest.approx(heat[0, 0], abs=1e-4)
        for row, column in ((3, 70), (52, 52), (100, 9)):
            height, width = 4 * np.exp(size[0, :, row, column])
            y, x = (np.array([row, column]) + shift[0, :, row, column] + 0.5) * 4
            expected = np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2]) / SIDE_PX
            assert boxes[0, side * row + column].numpy() == pytest.approx(expected, abs=1e-3)


def _answers(path: Path, pixels: Tensor) -> list[np.ndarray]:
    """Of the published graph, whose input has a size of its own in the file and takes others."""
    model = onnx.load(str(path))
    for value in (*model.graph.input, *model.graph.output):
        for place, dimension in enumerate(value.type.tensor_type.shape.dim):
            dimension.dim_param = f"{value.name}-{place}"
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    planes = pixels.permute(0, 3, 1, 2).float().numpy()
    answers: list[np.ndarray] = session.run(["537", "538", "539"], {session.get_inputs()[0].name: planes})
    return answers


class TestGroups:
    def test_words(self, cache_dir: Path) -> None:
        """Each class has at most one word; some that everybody knows have the right one."""
        groups = dict(zip(load_imagenet_labels(cache_dir), load_imagenet_groups(), strict=True))
        known = {"Golden Retriever": "dog", "tabby cat": "cat", "great grey owl": "bird", "pickup truck": "truck"}
        known |= {"agaric": "mushroom", "cello": "string instrument", "stone wall": "", "lion": "big cat"}
        assert {name: groups[name] for name in known} == known
