"""How an event is admitted, processed once, and acknowledged in order."""
