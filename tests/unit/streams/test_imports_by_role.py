"""A worker imports what its roles need: seconds of its start and most of its memory are imports."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "torch",
    "torchvision",
    "torchaudio",
    "triton",
    "scipy",
    "cv2",
    "av",
    "onnx",
    "h5py",
    "safetensors",
    "fasttext",
)
FORMATS = ("scipy", "pyloudnorm", "onnx", "h5py", "safetensors", "torchvision", "torch._inductor", "av")
"""Readers of weights, which a model from the cache does not need, and what others shall not bring along."""


def imported_after(program: str) -> set[str]:
    """Names of all modules in a process that ran a program."""
    program = f"{program}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


class TestImports:
    def test_light_roles(self) -> None:
        """Intake, verdict and engagement: neither torch nor anything that looks at media or reads weights."""
        imported = imported_after(
            "import streams.worker.worker, streams.worker.roles, streams.verdict.role, streams.engagement.role"
        )
        assert "streams.worker.worker" in imported
        assert imported.isdisjoint(HEAVY)

    def test_analysing_roles(self) -> None:
        """With torch, but without readers of weights and without compilers."""
        imported = imported_after(
            "import streams.worker.worker, streams.analysis.engine_opening, streams.analysis.modality_work\n"
            "import streams.analysis.agents.agent_registry, operators.audio.loudness"
        )
        assert "torch" in imported
        assert imported.isdisjoint(FORMATS)
