"""Which bytes of a container belong to its streams, to its own structure, or to nothing. Decoder process only."""
