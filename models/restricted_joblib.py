"""Reads untrusted files of `joblib.dump` (uncompressed) without joblib.

Such a file is a pickle in which each numpy array is a small header object followed, outside the pickle stream, by one
byte with the length of a padding, the padding, and the array's raw bytes. The header's stand-in reads them the moment
its attributes are known.
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import numpy as np

from models.restricted_pickle import AttributeBag, RestrictedUnpickler, Stubs

_NUMBER_CODES = ("f4", "f8", "i4", "i8")


class _NumberType:
    """Stub for `numpy.dtype`; refuses everything but plain numbers, above all object arrays."""

    def __init__(self, code: str, *_flags: object) -> None:
        if code not in _NUMBER_CODES:
            raise pickle.UnpicklingError(f"array of dtype {code!r}; allowed are {', '.join(_NUMBER_CODES)}")
        self.dtype = np.dtype(f"<{code}")

    def __setstate__(self, state: tuple[object, ...]) -> None:
        """Version, byte order and fields of the real dtype; only little-endian is read."""
        if state[1] != "<":
            raise pickle.UnpicklingError(f"array of byte order {state[1]!r}; allowed is '<'")


class StoredArray:
    """Stub for joblib's `NumpyArrayWrapper`, the header of an array."""

    file: ClassVar[BinaryIO]
    """Positioned after the header when its attributes arrive: without a `peek`, the unpickler never reads ahead."""
    array: np.ndarray
    """The array that the header announced."""

    def __setstate__(self, header: dict[str, Any]) -> None:
        shape, dtype = header["shape"], header["dtype"].dtype
        self.file.read(self.file.read(1)[0])
        raw = self.file.read(math.prod(shape) * dtype.itemsize)
        self.array = np.frombuffer(raw, dtype=dtype).reshape(shape, order=header["order"])


def _scalar(number_type: _NumberType, raw: bytes) -> float | int:
    """Stub for the constructor of numpy scalars."""
    number: float | int = np.frombuffer(raw, dtype=number_type.dtype)[0].item()
    return number


def _array_stubs(file: BinaryIO) -> Stubs:
    """Return the stubs for numpy and joblib while one file is read."""
    return {
        ("joblib.numpy_pickle", "NumpyArrayWrapper"): type("StoredArray", (StoredArray,), {"file": file}),
        ("numpy", "dtype"): _NumberType,
        ("numpy", "ndarray"): AttributeBag,
        ("numpy", "float64"): AttributeBag,
        ("numpy.core.multiarray", "scalar"): _scalar,
        ("numpy._core.multiarray", "scalar"): _scalar,
    }


def load_joblib(path: Path, stubs: Stubs) -> Any:
    """Return the object in a joblib file; its arrays are `StoredArray`s, its numpy scalars plain numbers.

    Raises:
        ForbiddenGlobal: The file names anything but numpy arrays of numbers and the keys of `stubs`.
        pickle.UnpicklingError: An array contains something other than plain numbers.
    """
    file = io.BytesIO(path.read_bytes())
    return RestrictedUnpickler(file, {**_array_stubs(file), **stubs}).load()
