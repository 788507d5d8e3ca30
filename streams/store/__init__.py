"""The state in Redis, and the scripts that change it."""
