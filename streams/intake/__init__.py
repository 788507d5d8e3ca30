"""The intake role: accepts uploads."""
