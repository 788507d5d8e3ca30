"""What a process needs to begin, to wait and to end, whatever work it does."""
