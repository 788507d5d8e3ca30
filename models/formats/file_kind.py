"""What kind of file was given as a model, by its first bytes: a library's own words about other bytes help nobody."""

from __future__ import annotations

import re
import zipfile
from typing import BinaryIO, Final

from models.card import Format

_PICKLE: Final = re.compile(rb"\x80[\x01-\x05]")
"""Protocol 1 to 5; the number is that of `pickle.DEFAULT_PROTOCOL` and older ones."""
_HEADER_BYTES: Final = 8
"""Length of the header of safetensors, which is JSON."""
_NAMED: Final[dict[Format, str]] = {
    "torchscript": "an archive of torch.jit.save",
    "export": "an archive of torch.export.save",
    "onnx": "an ONNX graph",
    "transformers": "weights as safetensors",
}


def allowed_kind(model_format: Format) -> str:
    """Return what a file of a format is, for people."""
    return _NAMED[model_format]


def wrong_kind(file: BinaryIO, model_format: Format) -> str:
    """Return what the file is instead of a file of the format; empty if nothing speaks against that."""
    head = file.read(_HEADER_BYTES + 1)
    if not head:
        return "an empty file"
    if model_format == "transformers" and head[_HEADER_BYTES:] == b"{":
        return ""  # the length before the header may look like a pickle
    if _PICKLE.match(head):
        return "a pickle"
    if zipfile.is_zipfile(file):
        return _wrong_archive(file, model_format)
    return "no archive" if model_format in ("torchscript", "export") else ""


def _wrong_archive(file: BinaryIO, model_format: Format) -> str:
    with zipfile.ZipFile(file) as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
    if model_format == "torchscript" and "constants.pkl" in names:
        return ""
    if model_format == "export" and "data.pkl" not in names:
        return ""
    return "a pickle in an archive, as of torch.save" if "data.pkl" in names else "another archive"
