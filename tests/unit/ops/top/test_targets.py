"""Which workers `vidsignal top` looks at."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.top.targets import InvalidTargets, checked, read_targets


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("targets.json", '[{"targets": ["a:1", "b:2"], "labels": {"job": "x"}}, {"targets": ["a:1"]}]'),
        ("targets.yml", "- targets: ['a:1', 'b:2']\n  labels: {job: x}\n"),
        ("targets.txt", "# workers\na:1\n\n  b:2  # the second\n"),
    ],
)
def test_file(tmp_path: Path, name: str, text: str) -> None:
    """Prometheus' file_sd in either form and a plain list say the same; a repetition counts once."""
    path = tmp_path / name
    path.write_text(text)
    assert checked(read_targets(path)) == ["a:1", "b:2"]


@pytest.mark.parametrize("address", ["a", "a:", ":1", "a:x", "a:0", "a:70000", "http://a:1", "u@a:1"])
def test_addresses_are_checked(address: str) -> None:
    """What is no host:port is quoted and refused."""
    with pytest.raises(InvalidTargets, match="is not host:port"):
        checked([address])


@pytest.mark.parametrize("text", ["{}", "- {labels: {}}", "- [a]", "{"])
def test_wrong_files(tmp_path: Path, text: str) -> None:
    """A file of another form is refused with its name."""
    path = tmp_path / "targets.yaml"
    path.write_text(text)
    with pytest.raises(InvalidTargets, match=r"targets\.yaml"):
        read_targets(path)


def test_missing_file(tmp_path: Path) -> None:
    """So is a file that is not there."""
    with pytest.raises(InvalidTargets, match="cannot be read"):
        read_targets(tmp_path / "none.txt")
