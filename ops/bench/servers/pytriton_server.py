"""A Triton server with one model: `python pytriton_server.py GRPC_PORT HTTP_PORT METRICS_PORT DELAY_SECONDS`.

It runs in an environment without this product, so it imports nothing of it.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import DynamicBatcher, ModelConfig, Tensor
from pytriton.triton import Triton, TritonConfig

LOOPBACK = "127.0.0.1"
MODEL = "means"
SHAPE = (224, 224, 3)
MAX_BATCH_SIZE = 16
POISON = 255


def main(grpc_port: int, http_port: int, metrics_port: int, delay_seconds: float) -> None:
    """Serve until the process is ended."""

    @batch  # type: ignore[untyped-decorator]
    def infer(item: np.ndarray) -> list[np.ndarray]:
        time.sleep(delay_seconds)
        if (item[:, 0, 0, 0] == POISON).any():
            raise ValueError("poison")
        colours = item[:, ::56, ::56].astype(np.float32).mean(axis=(1, 2))
        return [colours.mean(axis=1, keepdims=True), colours]

    config = TritonConfig(
        grpc_address=LOOPBACK,
        grpc_port=grpc_port,
        http_address=LOOPBACK,
        http_port=http_port,
        metrics_address=LOOPBACK,
        metrics_port=metrics_port,
    )
    with Triton(config=config) as triton:
        triton.bind(
            model_name=MODEL,
            infer_func=infer,
            inputs=[Tensor(name="item", dtype=np.uint8, shape=SHAPE)],
            outputs=[
                Tensor(name="mean", dtype=np.float32, shape=(1,)),
                Tensor(name="colours", dtype=np.float32, shape=(3,)),
            ],
            config=ModelConfig(max_batch_size=MAX_BATCH_SIZE, batcher=DynamicBatcher(max_queue_delay_microseconds=0)),
        )
        triton.serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
