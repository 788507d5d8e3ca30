"""Applies a changed policy to earlier verdicts: selects them, evaluates the policy, and publishes the facts."""
