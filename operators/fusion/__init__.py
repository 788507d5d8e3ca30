"""Evidence of several modalities, combined into evidence of what they show together."""
