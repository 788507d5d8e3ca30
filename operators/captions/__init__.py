"""Captions, titles and hashtags that a chat model writes: what it is sent, and what of its answer is kept."""
