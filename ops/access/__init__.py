"""Access control on Kafka and Redis: one table of roles, and the rules derived from it."""
