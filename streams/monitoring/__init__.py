"""How a worker says that it is alive and ready, and what it serves to Prometheus."""
