"""OpenVINO is used only if it is installed, and in the precisions that a child process computed correctly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.card import Precision
from operators.inference import openvino_probe
from operators.inference.openvino_probe import openvino_precisions, run_probe_child
from operators.inference.private_cache import PrivateCache


class Child:
    """Gives one answer per precision, and counts questions."""

    def __init__(self, **answers: bool | None) -> None:
        self._answers = answers
        self.count = 0

    def __call__(self, precision: Precision) -> bool | None:
        self.count += 1
        return self._answers[precision]


@pytest.fixture
def files(tmp_path: Path) -> PrivateCache:
    return PrivateCache(tmp_path / "compiled", 2**20)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_probe, "is_installed", lambda: True)


class TestProbe:
    def test_without_the_package_there_is_nothing(self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """No child is started."""
        monkeypatch.setattr(openvino_probe, "is_installed", lambda: False)
        child = Child(float32=True, bfloat16=True)
        assert (openvino_precisions(files, child), child.count) == ((), 0)

    def test_a_crash_excludes_one_precision(self, files: PrivateCache) -> None:
        """And is remembered."""
        for count in (2, 0):
            child = Child(float32=True, bfloat16=False)
            assert (openvino_precisions(files, child), child.count) == (("float32",), count)

    def test_no_answer_is_not_remembered(self, files: PrivateCache) -> None:
        """The machine may only be busy."""
        assert openvino_precisions(files, Child(float32=None, bfloat16=True)) == ("bfloat16",)
        assert openvino_precisions(files, Child(float32=True, bfloat16=True)) == ("float32", "bfloat16")

    @pytest.mark.parametrize("content", [b"", b"{}", b'["int3"]', b"3"])
    def test_a_damaged_result_is_probed_again(self, files: PrivateCache, content: bytes) -> None:
        """Whatever it contains."""
        openvino_precisions(files, Child(float32=True, bfloat16=True))
        (entry,) = files.folder.iterdir()
        files.write(entry.name, content)
        child = Child(float32=True, bfloat16=False)
        assert (openvino_precisions(files, child), child.count) == (("float32",), 2)

    def test_another_processor_is_probed(self, files: PrivateCache, monkeypatch: pytest.MonkeyPatch) -> None:
        """A cache may lie on a disk that several machines share."""
        openvino_precisions(files, Child(float32=True, bfloat16=True))
        monkeypatch.setattr(openvino_probe, "cpu_facts", lambda: ["model name: other"])
        assert openvino_precisions(files, Child(float32=True, bfloat16=False)) == ("float32",)


class TestChild:
    def test_computes_full_precision(self) -> None:
        """The real program, in the precision that every processor has."""
        assert run_probe_child("float32") is True

    def test_reports_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The package would write an identifier into the home folder, and send it with what is used of it."""
        monkeypatch.setenv("HOME", str(tmp_path))
        for name in ("CI", "TF_BUILD", "JENKINS_URL"):  # in which it is silent by itself
            monkeypatch.delenv(name, raising=False)
        assert run_probe_child("float32") is True
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("ending", "expected"), [("SIGILL", False), ("SIGTERM", None), ("SIGINT", None), ("SIGKILL", None)]
    )
    def test_only_a_crash_says_no(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str, expected: bool | None
    ) -> None:
        """An instruction that traps; not a worker that is stopped in its first seconds, or a lack of memory."""
        # A shell leaves what it runs in the background deaf to Ctrl-C.
        undone = "" if ending == "SIGKILL" else f"signal.signal(signal.{ending}, signal.SIG_DFL)"
        program = tmp_path / "child.py"
        program.write_text(f"import os, signal\n{undone}\nos.kill(os.getpid(), signal.{ending})")
        monkeypatch.setattr(openvino_probe, "CHILD_FILE", program)
        assert run_probe_child("bfloat16") is expected

    def test_a_child_without_an_answer_says_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """It ends as one that works, and prints nothing."""
        program = tmp_path / "child.py"
        program.touch()
        monkeypatch.setattr(openvino_probe, "CHILD_FILE", program)
        assert run_probe_child("float32") is None


def test_a_worker_reports_nothing(tmp_path: Path) -> None:
    """Neither when it imports the package nor when it converts a model."""
    program = (
        "from operators.inference.silent_openvino import openvino_module; import sys;"
        "openvino = openvino_module(); assert callable(openvino.convert_model);"
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry.')]"
    )
    environment = {name: text for name, text in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    command = [sys.executable, "-c", program]
    subprocess.run(command, env={**environment, "HOME": str(tmp_path)}, check=True, timeout=120)
    assert list(tmp_path.iterdir()) == []
