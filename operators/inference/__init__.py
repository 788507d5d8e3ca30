"""How items of many videos become model outputs: batchers select, runners compute, backends know the device.

This file imports nothing: `cpu_probe` must be importable before torch is.
"""
