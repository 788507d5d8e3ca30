"""Operators for single frames."""
