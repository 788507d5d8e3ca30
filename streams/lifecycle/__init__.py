"""Start, waiting and end of a process, whatever work it does."""
