"""What a CPU says it can do is tried before it is believed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from operators.inference import cpu_probe
from operators.inference.cpu_probe import CANDIDATES, CpuCapabilities, Trial, probe_cpu, run_probe_child

LIMIT = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}


class Children:
    """Ends each child as told, and counts them."""

    def __init__(self, *trials: Trial) -> None:
        self._trials = list(trials)
        self.environments: list[dict[str, str]] = []

    def __call__(self, environment: Mapping[str, str]) -> Trial:
        self.environments.append(dict(environment))
        return self._trials[len(self.environments) - 1]


GOOD, SLOW = Trial(2.0, "fast"), Trial(0.8, "slow")
DEAD = Trial(None, "died of signal 4")


def refusing(number: int) -> Callable[..., NoReturn]:
    """Opens no file and says why."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse


class TestProbeCpu:
    @pytest.mark.parametrize(
        ("trials", "bfloat16", "environment"),
        [((GOOD,), True, {}), ((DEAD, GOOD), True, LIMIT), ((DEAD, SLOW), False, {}), ((DEAD, DEAD), False, {})],
    )
    def test_takes_the_first_that_survives_and_pays(
        self, tmp_path: Path, trials: tuple[Trial, ...], bfloat16: bool, environment: dict[str, str]
    ) -> None:
        """Candidates are tried in order; float32 without any setting is what is left."""
        found = probe_cpu(tmp_path, Children(*trials))
        assert (bfloat16, environment) == (found.bfloat16, found.environment)
        assert all(trial.note in found.note for trial in trials)

    def test_asks_once_per_machine(self, tmp_path: Path) -> None:
        """The answer is remembered in the cache folder."""
        first = probe_cpu(tmp_path / "new", Children(DEAD, GOOD))
        silent = Children()
        assert first == probe_cpu(tmp_path / "new", silent)
        assert silent.environments == []

    def test_does_not_remember_a_busy_machine(self, tmp_path: Path) -> None:
        """A child that gave no answer in time is asked again at the next start."""
        late = Trial(None, "no answer", conclusive=False)
        assert not probe_cpu(tmp_path, Children(late, DEAD)).bfloat16
        assert probe_cpu(tmp_path, Children(GOOD)).bfloat16

    @pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
    def test_does_without_a_memory(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        """A cache that cannot be written to, as in an image, costs a probe at each start and nothing else."""
        monkeypatch.setattr(cpu_probe, "NamedTemporaryFile", refusing(number))
        assert probe_cpu(tmp_path, Children(GOOD)).bfloat16
        assert probe_cpu(tmp_path, Children(GOOD)).bfloat16

    def test_tells_of_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Only a cache that is meant to be read-only is passed over."""
        monkeypatch.setattr(cpu_probe, "NamedTemporaryFile", refusing(errno.ENOSPC))
        with pytest.raises(OSError, match="No space"):
            probe_cpu(tmp_path, Children(GOOD))

    @pytest.mark.parametrize("content", ["", "[]", '{"bfloat16": true}'])
    def test_asks_again_where_the_memory_is_damaged(self, tmp_path: Path, content: str) -> None:
        """A damaged file is replaced, not believed."""
        probe_cpu(tmp_path, Children(GOOD))
        (remembered,) = tmp_path.iterdir()
        remembered.write_text(content)
        assert not probe_cpu(tmp_path, Children(DEAD, DEAD)).bfloat16
        assert not probe_cpu(tmp_path, Children()).bfloat16

    def test_imports_no_torch(self) -> None:
        """The module can be used before torch is imported, which is its purpose."""
        program = (
            "import sys, operators.inference.cpu_probe; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class TestProbeChild:
    @pytest.mark.slow
    def test_answers_on_this_machine(self, tmp_path: Path) -> None:
        """Whatever this CPU does, the parent survives it and says how each candidate ended."""
        found = probe_cpu(tmp_path)
        assert isinstance(found, CpuCapabilities)
        assert "default instruction set: " in found.note
        assert found.environment in [dict(candidate) for candidate in CANDIDATES]

    def test_a_child_that_fails_says_why(self) -> None:
        """The last line of its complaint stands in the note."""
        trial = run_probe_child({"": "empty names are refused by putenv"})
        assert (trial.speedup, trial.conclusive) == (None, True)
        assert trial.note.startswith("failed: ")
