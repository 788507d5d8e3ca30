"""Figures from judgements: one file for each kind of judgement, and the intervals that all of them use."""
