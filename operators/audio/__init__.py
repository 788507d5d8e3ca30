"""Operators for sound."""
