"""Video decoders behind one protocol; `decoder_registry` lists them."""
