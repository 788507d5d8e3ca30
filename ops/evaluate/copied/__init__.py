"""Videos and copies of them, made from pictures of packages and from seeds, for the set of copies."""
