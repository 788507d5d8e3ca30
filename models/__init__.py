"""Models: cards, weights and torch modules."""
