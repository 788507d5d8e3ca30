"""The wire format: events, labels, topics and encoding."""
