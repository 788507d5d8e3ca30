"""Whether a worker is alive, and whether it is ready: two questions, two answers."""
