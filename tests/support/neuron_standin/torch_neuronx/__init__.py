"""A stand-in for `torch_neuronx`, whose public wheel is a placeholder: what its users rely on, and how it fails.

It computes on the processor and enforces the rules of an Inferentia2: see `rules` for what a test may plan, `compiler`
for what is compiled and `runtime` for cores and executions. Numbers are rounded as the compiler's flags say; time and
memory are no device's.
"""

from __future__ import annotations

from torch_neuronx.compiler import trace
from torch_neuronx.runtime import neuron_cores_context

__all__ = ["neuron_cores_context", "trace"]

__version__ = "0.0.0"
