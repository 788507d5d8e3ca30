"""Videos with text that is drawn into their pictures."""
