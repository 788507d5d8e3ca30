"""The log is folded again: to rebuild a store, to audit it, and for videos whose facts wait."""
