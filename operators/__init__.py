"""How media becomes results: media, inference and one file an operator."""
