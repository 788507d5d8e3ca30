"""Calibrates the scores of added models on labelled examples."""
