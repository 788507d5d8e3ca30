"""Spans of an upload's walk, across Kafka; off unless a collector is named."""
