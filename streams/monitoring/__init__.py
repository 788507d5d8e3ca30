"""Health and metrics endpoints of a worker."""
