"""Which videos are alike: one vector set an embedding space, and copies recognised by hash and embedding."""
