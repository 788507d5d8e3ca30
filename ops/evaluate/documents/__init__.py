"""Figures in documents, cards and the default policy: generated from the saved results."""
