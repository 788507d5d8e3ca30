"""PyTriton's server: `python -m ops.bench.inference.triton_server MODEL GRPC_PORT HTTP_PORT METRICS_PORT`."""

from __future__ import annotations

import json
import sys

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

from ops.bench.inference.benched_model import BenchedModel, load_benched_model, padded
from ops.bench.inference.triton_client import INPUT, MODEL
from ops.local.ports import LOOPBACK
from streams.config.settings import read_settings
from streams.lifecycle.process_setup import prepare_process


def _shape_of(value: np.ndarray) -> tuple[int, ...]:
    """Return the shape of a row; Triton wants at least one dimension."""
    return value.shape[1:] or (1,)


def main(arguments: list[str]) -> None:
    """Serve until the process is ended."""
    benched = BenchedModel.from_json(json.loads(arguments[0]))
    grpc_port, http_port, metrics_port = map(int, arguments[1:])
    settings = read_settings()
    loaded = load_benched_model(settings, prepare_process(settings), benched)
    card = benched.card

    @batch  # type: ignore[untyped-decorator]
    def infer(**inputs: np.ndarray) -> list[np.ndarray]:
        rows = inputs[INPUT]
        values = loaded.run(padded(list(rows), benched.sizes, card)).values
        return [value[: len(rows)].reshape(len(rows), *_shape_of(value)) for value in values]

    probe = loaded.run(np.zeros((benched.sizes[0], *card.input_shape), dtype=card.input_dtype)).values
    config = TritonConfig(
        grpc_address=LOOPBACK,
        http_address=LOOPBACK,
        grpc_port=grpc_port,
        http_port=http_port,
        metrics_port=metrics_port,
        metrics_address=LOOPBACK,
    )
    with Triton(config=config) as triton:
        triton.bind(
            model_name=MODEL,
            infer_func=infer,
            inputs=[Tensor(name=INPUT, dtype=np.dtype(card.input_dtype).type, shape=card.input_shape)],
            outputs=[
                Tensor(name=name, dtype=np.float32, shape=_shape_of(value))
                for name, value in zip(card.outputs, probe, strict=True)
            ],
            config=ModelConfig(
                max_batch_size=benched.sizes[-1], batcher=DynamicBatcher(max_queue_delay_microseconds=0)
            ),
        )
        triton.serve()


if __name__ == "__main__":
    main(sys.argv[1:])
