"""How rows of many videos become model outputs: batchers choose, runners compute, backends know the device.

This file imports nothing: `cpu_probe` must be importable before torch is.
"""
