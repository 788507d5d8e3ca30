"""The parts of the CUDA backend; `runtime` is their only way to `torch.cuda`."""
