"""Analysis of media: sources and decoding, inference, and one file per operator."""
