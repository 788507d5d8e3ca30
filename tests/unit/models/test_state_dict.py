"""A checkpoint is read without running what it holds."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from models.state_dict import read_state_dict


class TestReadStateDict:
    """`read_state_dict`."""

    def test_tensors(self, tmp_path: Path) -> None:
        """Tensors come back as they were."""
        torch.save({"weight": torch.arange(3)}, tmp_path / "net.pth")

        assert read_state_dict(tmp_path / "net.pth")["weight"].tolist() == [0, 1, 2]

    def test_code_refused(self, tmp_path: Path) -> None:
        """A checkpoint that would run code is refused, and the code does not run."""
        torch.save({"weight": _Trap(str(tmp_path / "sprung"))}, tmp_path / "net.pth")

        with pytest.raises(pickle.UnpicklingError):
            read_state_dict(tmp_path / "net.pth")

        assert not (tmp_path / "sprung").exists()


class _Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)
