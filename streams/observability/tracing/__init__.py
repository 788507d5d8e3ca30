"""Spans of an upload's way through Kafka; disabled unless a collector is configured."""
