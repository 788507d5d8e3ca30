"""What a CPU says it can do is tried before it is believed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import pytest

from operators.inference import cpu_probe
from operators.inference.cpu_probe import CANDIDATES, ProbeTrial, probe_cpu, run_probe_child
from operators.inference.private_cache import PrivateCache

LIMIT = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}


class Children:
    """Ends each child as told, and counts them."""

    def __init__(self, *trials: ProbeTrial) -> None:
        self._trials = list(trials)
        self.environments: list[dict[str, str]] = []

    def __call__(self, environment: Mapping[str, str]) -> ProbeTrial:
        self.environments.append(dict(environment))
        return self._trials[len(self.environments) - 1]


GOOD, SLOW = ProbeTrial(2.0, "fast"), ProbeTrial(0.8, "slow")
DEAD = ProbeTrial(None, "died of signal 4")


def refusing(number: int) -> Callable[..., NoReturn]:
    """Opens no file and says why."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.fixture
def kept(tmp_path: Path) -> PrivateCache:
    return PrivateCache(tmp_path / "compiled", 2**20)


class TestProbeCpu:
    @pytest.mark.parametrize(
        ("trials", "bfloat16", "environment"),
        [((GOOD,), True, {}), ((DEAD, GOOD), True, LIMIT), ((DEAD, SLOW), False, {}), ((DEAD, DEAD), False, {})],
    )
    def test_takes_the_first_that_survives_and_pays(
        self, kept: PrivateCache, trials: tuple[ProbeTrial, ...], bfloat16: bool, environment: dict[str, str]
    ) -> None:
        """Candidates are tried in order; float32 without any setting is what is left."""
        found = probe_cpu(kept, Children(*trials))
        assert (bfloat16, environment) == (found.bfloat16, found.environment)
        assert all(trial.note in found.note for trial in trials)

    def test_asks_once_per_machine(self, kept: PrivateCache) -> None:
        """The answer is remembered in the cache folder."""
        first = probe_cpu(kept, Children(DEAD, GOOD))
        silent = Children()
        assert first == probe_cpu(kept, silent)
        assert silent.environments == []

    def test_does_not_remember_a_busy_machine(self, kept: PrivateCache) -> None:
        """A child that gave no answer in time is asked again at the next start."""
        late = ProbeTrial(None, "no answer", conclusive=False)
        assert not probe_cpu(kept, Children(late, DEAD)).bfloat16
        assert probe_cpu(kept, Children(GOOD)).bfloat16

    @pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
    def test_does_without_a_memory(self, kept: PrivateCache, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        """A folder that cannot be written to, as in an image, costs a probe at each start and nothing else."""
        monkeypatch.setattr(tempfile, "mkstemp", refusing(number))
        assert probe_cpu(kept, Children(GOOD)).bfloat16
        assert probe_cpu(kept, Children(GOOD)).bfloat16

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b'{"bfloat16": true}',
            b'{"bfloat16": true, "note": "", "environment": {"LD_PRELOAD": "/tmp/theirs.so"}}',
            b'{"bfloat16": true, "note": "", "environment": 1}',
        ],
    )
    def test_asks_again_where_the_memory_is_no_answer(self, kept: PrivateCache, content: bytes) -> None:
        """It is replaced, not believed; nothing but what was tried gets into the environment."""
        probe_cpu(kept, Children(GOOD))
        (remembered,) = kept.folder.iterdir()
        kept.write(remembered.name, content)
        assert not probe_cpu(kept, Children(DEAD, DEAD)).bfloat16
        assert not probe_cpu(kept, Children()).bfloat16

    def test_asks_again_where_others_could_have_written(self, kept: PrivateCache) -> None:
        """The answer decides about the environment of the worker."""
        probe_cpu(kept, Children(GOOD))
        (remembered,) = kept.folder.iterdir()
        remembered.chmod(0o666)
        assert not probe_cpu(kept, Children(DEAD, DEAD)).bfloat16

    def test_imports_no_torch(self) -> None:
        """The module can be used before torch is imported, which is its purpose."""
        program = (
            "import sys, operators.inference.cpu_probe; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
        )
        assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class TestProbeChild:
    @pytest.mark.slow
    def test_answers_on_this_machine(self, kept: PrivateCache) -> None:
        """Whatever this CPU does, the parent survives it and says how each candidate ended."""
        found = probe_cpu(kept)
        assert "default instruction set: " in found.note
        assert found.environment in [dict(candidate) for candidate in CANDIDATES]

    @pytest.mark.parametrize(
        ("ending", "conclusive"), [("SIGILL", True), ("SIGTERM", False), ("SIGINT", False), ("SIGKILL", False)]
    )
    def test_only_a_crash_is_conclusive(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ending: str, conclusive: bool
    ) -> None:
        """An instruction that traps; not a worker that is stopped in its first seconds, or a lack of memory."""
        # A shell leaves what it runs in the background deaf to Ctrl-C.
        undone = "" if ending == "SIGKILL" else f"signal.signal(signal.{ending}, signal.SIG_DFL)"
        program = tmp_path / "child.py"
        program.write_text(f"import os, signal\n{undone}\nos.kill(os.getpid(), signal.{ending})")
        monkeypatch.setattr(cpu_probe, "CHILD_FILE", program)
        trial = run_probe_child({})
        assert (trial.speedup, trial.conclusive) == (None, conclusive)

    def test_a_child_without_an_answer_is_asked_again(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """It ends as one that works, and prints nothing; the worker starts all the same."""
        program = tmp_path / "child.py"
        program.touch()
        monkeypatch.setattr(cpu_probe, "CHILD_FILE", program)
        assert run_probe_child({}) == ProbeTrial(None, "ended without an answer", conclusive=False)

    def test_a_child_that_fails_says_why(self) -> None:
        """The last line of its complaint stands in the note."""
        trial = run_probe_child({"": "empty names are refused by putenv"})
        assert (trial.speedup, trial.conclusive) == (None, True)
        assert trial.note.startswith("failed: ")
