"""Learns from reviewed verdicts how evidence of several modalities is combined."""
