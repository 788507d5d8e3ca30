"""An ONNX graph in a single file, run by onnxruntime on the host's processor.

It is a program of a kind: only cards below a trusted folder may name one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import onnxruntime


class OnnxGraph(nn.Module):
    """Answers by the names of the graph's outputs; computes on the CPU, wherever its input is."""

    def __init__(self, session: onnxruntime.InferenceSession, names: tuple[str, ...]) -> None:
        super().__init__()
        self._session = session
        found = [output.name for output in session.get_outputs()]
        self._names = list(names) if set(names) <= set(found) else found
        (only,) = session.get_inputs()
        self._input = only.name

    def forward(self, batch: Tensor) -> list[Tensor]:
        """One tensor per output that the card names, else all of them in their order."""
        answers: list[Any] = self._session.run(self._names, {self._input: batch.cpu().numpy()})
        return [torch.from_numpy(answer).to(batch.device) for answer in answers]


def load_onnx(content: bytes, names: tuple[str, ...]) -> nn.Module:
    """Read a graph with one input.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: the graph has another number of inputs.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return OnnxGraph(session, names)
