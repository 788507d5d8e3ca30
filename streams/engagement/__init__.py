"""Counts viewers' events: tens of thousands per second become one record per video."""
