"""Facts become a state, a verdict and a feature record: pure functions, without store or broker."""
