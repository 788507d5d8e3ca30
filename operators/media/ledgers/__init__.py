"""Which bytes of a container belong to its streams, its own structure, or to nobody. Decoder process only."""
