"""What videos cost, from the receipts in the log."""
