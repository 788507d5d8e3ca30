"""What lies in Redis, and the scripts that change it."""
