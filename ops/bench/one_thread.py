"""Environment of processes that are compared: one thread each, and no accelerator."""

from __future__ import annotations

from typing import Final

ONE_THREAD: Final = {
    "VIDSIGNAL_TORCH_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}
