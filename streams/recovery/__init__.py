"""Refolds the log: to rebuild a store, to audit it, and for videos in a gap."""
