"""How an event is taken, worked on once, and acknowledged in order."""
