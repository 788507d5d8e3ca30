"""LitServe's server with one worker: `python -m ops.bench.inference.litserve_server MODEL PORT`.

Annotations are evaluated here, because LitServe and FastAPI read them as types.
"""

import json
import os
import signal
import sys
import threading
import time
from typing import Annotated, Any

import litserve
import numpy as np
from fastapi import Body, Response

from ops.bench.inference.benched_model import BenchedModel, load_benched_model, padded
from ops.local.ports import LOOPBACK
from streams.config.settings import read_settings
from streams.lifecycle.process_setup import prepare_process

BATCH_WAIT_SECONDS = 0.001
"""How long a batch waits for more requests. With 0, LitServe's worker occupies a core while it is idle."""
_LOOK_SECONDS = 1.0
_KEEP_ALIVE_SECONDS = 3600
"""Connections outlast the turns of the other competitors."""


class BenchedModelApi(litserve.LitAPI):  # type: ignore[misc]
    """Computes batches with the model that all competitors run."""

    def __init__(self, benched: BenchedModel) -> None:
        super().__init__(max_batch_size=benched.sizes[-1], batch_timeout=BATCH_WAIT_SECONDS)
        self._benched = benched

    def setup(self, device: str) -> None:  # noqa: ARG002  LitServe's signature
        """Load the model in the worker process."""
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
        settings = read_settings()
        self._loaded = load_benched_model(settings, prepare_process(settings), self._benched)
        self._card = self._benched.card

    def decode_request(self, request: Annotated[bytes, Body(media_type="application/octet-stream")]) -> np.ndarray:
        """Return the item."""
        return np.frombuffer(request, dtype=self._card.input_dtype).reshape(self._card.input_shape)

    def batch(self, inputs: list[np.ndarray]) -> list[np.ndarray]:
        """Leave them as they are; `predict` pads them."""
        return inputs

    def predict(self, x: list[np.ndarray]) -> list[bytes]:
        """Return the outputs of each row."""
        values = self._loaded.run(padded(x, self._benched.sizes, self._card)).values
        return [b"".join(value[row].tobytes() for value in values) for row in range(len(x))]

    def unbatch(self, output: list[bytes]) -> list[bytes]:
        """They are rows already."""
        return output

    def encode_response(self, output: bytes) -> Response:
        """Return them as raw bytes."""
        return Response(output, media_type="application/octet-stream")


def _end_with_parent(parent_pid: int) -> None:
    """End the server's process group when its first process was killed: LitServe's other processes would stay."""
    while os.getppid() == parent_pid:
        time.sleep(_LOOK_SECONDS)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main(arguments: list[str]) -> None:
    """Serve until the process is ended."""
    benched: Any = BenchedModel.from_json(json.loads(arguments[0]))
    server = litserve.LitServer(BenchedModelApi(benched), accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(
        host=LOOPBACK,
        port=int(arguments[1]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
