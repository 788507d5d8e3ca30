"""Events that are given up: their dead letters, what their senders are told, and how they are sent again."""
