"""Models on servers of others: addresses, protocols, and what a server's answers mean."""
