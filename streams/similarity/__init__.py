"""Similar videos: one vector set per embedding space, and duplicates by hash and embedding."""
