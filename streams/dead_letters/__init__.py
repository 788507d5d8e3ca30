"""Events that are given up: their dead letters, the refusals for their senders, and how they are sent again."""
