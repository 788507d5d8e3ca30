"""Speech whose words are known: recordings with a published text, generated sentences, and sound without a word."""
