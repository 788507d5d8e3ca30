"""What is computed: cards, weights and torch modules."""
