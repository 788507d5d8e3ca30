"""Prints as JSON which device torch finds. A separate process, because drivers may hang or end it.

python -m ops.doctor.device_process
"""

from __future__ import annotations

import sys

import msgspec


def main() -> None:
    """Print what `auto` selects, and a description of each accelerator."""
    import torch

    from operators.inference.backend_registry import best_backend_name
    from operators.inference.neuron.toolchain import has_device

    has_cuda = torch.cuda.is_available()
    answer = {
        "best": best_backend_name(),
        "torch": str(torch.__version__),
        "cuda_devices": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
        if has_cuda
        else [],
        "has_neuron": has_device(),
        "has_neuron_bfloat16": True,
        "has_cuda_bfloat16": bool(has_cuda and torch.cuda.is_bf16_supported(including_emulation=False)),
    }
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")


if __name__ == "__main__":
    main()
