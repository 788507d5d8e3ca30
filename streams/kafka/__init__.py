"""Connections to the brokers: clients, the one producer, topics, groups and rights."""
