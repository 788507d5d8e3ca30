"""How facts become a verdict and a feature record."""
