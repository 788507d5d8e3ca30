"""Media sources, from a path to an object store, and how their bytes are fetched."""
