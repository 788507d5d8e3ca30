"""Where media lies, from a path to an object store, and how its bytes come here."""
