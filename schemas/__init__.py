"""What is said: events, labels, topics and the wire."""
