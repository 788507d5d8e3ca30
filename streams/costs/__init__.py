"""CPU time and energy of a process, as far as they can be measured inside it."""
