"""Benchmarks: ratios of alternating measurements in one run; tests never assert times."""
