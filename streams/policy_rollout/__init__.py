"""A changed policy reaches verdicts of before: which they are, what it makes of each, and the facts that say so."""
