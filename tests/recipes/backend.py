"""The example of a new backend: the processor under another name."""

from __future__ import annotations

from typing import Final

from tests.recipes.edits import Recipe, after, replaced, several

_BACKEND: Final = '''"""The toy backend: what the CPU computes, under another name."""

from __future__ import annotations

from operators.inference.backends.cpu import CpuBackend


class ToyBackend(CpuBackend):
    """The cores of this machine, as a device of their own."""

    name = "toy"
'''

BACKEND: Final = Recipe(
    what="a backend",
    new_files={1: {"operators/inference/backends/toy.py": _BACKEND}},
    changes={
        2: {
            "operators/inference/backend_registry.py": several(
                after(
                    "from operators.inference.backends.neuron",
                    "from operators.inference.backends.toy import ToyBackend",
                ),
                after('    "cuda": CudaBackend,', '    "toy": ToyBackend,'),
            ),
        },
        3: {
            "streams/config/settings.py": replaced(
                'Device = Literal["auto", "cpu", "cuda", "neuron"]',
                'Device = Literal["auto", "cpu", "cuda", "neuron", "toy"]',
            ),
            "models/card.py": replaced('"neuron", "kserve"', '"neuron", "toy", "kserve"'),
            "docs/settings.md": replaced(
                "`auto`, `cpu`, `cuda` or `neuron`;", "`auto`, `cpu`, `cuda`, `neuron` or `toy`;"
            ),
        },
    },
    not_needed={4: "every machine has this one"},
    only_read=frozenset(
        {"operators/inference/backend.py", "operators/inference/loaded_model.py", "operators/inference/placement.py"}
    ),
)
"""It is always there, so its suite is never skipped."""
