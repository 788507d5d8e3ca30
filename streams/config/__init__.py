"""Settings: where they are read, which values fit together, and what clients are opened with."""
