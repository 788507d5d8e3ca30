"""Triton's own client over gRPC: `python reference_client.py ADDRESS REQUESTS SECONDS` prints items and CPU seconds.

It runs in an environment without this product, so it imports nothing of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import numpy as np
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient

MODEL = "means"
SHAPE = (224, 224, 3)


async def main(address: str, num_requests: int, seconds: float) -> None:
    """Keep some requests in flight for a time."""
    client = InferenceServerClient(address)
    item = np.zeros((1, *SHAPE), dtype=np.uint8)
    counts = [0] * num_requests

    async def ask(number: int, until: float) -> None:
        while time.monotonic() < until:
            given = InferInput("item", list(item.shape), "UINT8")
            given.set_data_from_numpy(item)
            answer = await client.infer(MODEL, [given])
            assert answer.as_numpy("mean") is not None
            counts[number] += 1

    for measured_seconds in (1.0, seconds):  # the first is a warm-up
        counts[:] = [0] * num_requests
        began, cpu_began = time.monotonic(), time.process_time()
        await asyncio.gather(*(ask(number, began + measured_seconds) for number in range(num_requests)))
    spent, cpu_seconds = time.monotonic() - began, time.process_time() - cpu_began
    print(json.dumps({"items": sum(counts), "seconds": spent, "cpu_seconds": cpu_seconds}))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
