"""Who may do what on Kafka and Redis: one table of roles, and the rules that follow from it."""
