"""Where the CPU time and the energy of a process go, as far as it can be told inside it."""
