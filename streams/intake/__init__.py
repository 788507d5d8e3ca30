"""The intake role: uploads become cases."""
