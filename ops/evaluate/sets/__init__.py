"""Evaluation sets, one file each; `ops/evaluate/set_registry.py` lists them."""
