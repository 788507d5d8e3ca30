"""Whether roles make progress, measured at the broker and not at their consumers."""
