"""Video decoders behind one protocol; `catalogue` lists them."""
