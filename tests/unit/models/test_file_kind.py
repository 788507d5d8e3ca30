"""A file of another kind than a card says is named as what it is, before a library reads it."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest

from models.card import Format
from models.formats.file_kind import wrong_kind


def kind_of(path: Path, model_format: Format) -> str:
    """As of a file on disk."""
    with path.open("rb") as file:
        return wrong_kind(file, model_format)


def archive(path: Path, *names: str) -> Path:
    """An archive with empty members."""
    with zipfile.ZipFile(path, "w") as written:
        for name in names:
            written.writestr(f"archive/{name}", b"")
    return path


@pytest.mark.parametrize("model_format", ["torchscript", "export", "onnx", "transformers"])
@pytest.mark.parametrize("protocol", range(2, 6))
def test_pickles(tmp_path: Path, model_format: Format, protocol: int) -> None:
    """Of whatever protocol; no library is needed to report it."""
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps({"weights": [1.0]}, protocol))
    assert kind_of(path, model_format) == "a pickle"


@pytest.mark.parametrize(("model_format", "names", "expected"), [
    ("torchscript", ("data.pkl", "constants.pkl", "code/__torch__.py"), ""),
    ("torchscript", ("data.pkl", "version"), "a pickle in an archive, as of torch.save"),
    ("torchscript", ("models/model.json",), "another archive"),
    ("export", ("models/model.json", "archive_format"), ""),
    ("export", ("serialized_exported_program.json",), ""),
    ("export", ("data.pkl", "version"), "a pickle in an archive, as of torch.save"),
    ("onnx", ("data.pkl",), "a pickle in an archive, as of torch.save"),
])  # fmt: skip
def test_archives(tmp_path: Path, model_format: Format, names: tuple[str, ...], expected: str) -> None:
    """Told apart by their members."""
    assert kind_of(archive(tmp_path / "model", *names), model_format) == expected


@pytest.mark.parametrize(("model_format", "content", "expected"), [
    ("export", b"text", "no archive"), ("torchscript", b"text", "no archive"),
    ("onnx", b"\x08\x0a\x12\x07pytorch", ""), ("onnx", b"", "an empty file"),
    ("transformers", b"\x80\x04\x00\x00\x00\x00\x00\x00{}", ""),
])  # fmt: skip
def test_other_files(tmp_path: Path, model_format: Format, content: bytes, expected: str) -> None:
    """A header of safetensors may have the length that a pickle begins with; graphs are left to their library."""
    path = tmp_path / "model"
    path.write_bytes(content)
    assert kind_of(path, model_format) == expected
