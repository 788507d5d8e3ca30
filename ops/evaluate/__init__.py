"""Measures what the product says against known truth: sets, metrics with intervals, saved results."""
