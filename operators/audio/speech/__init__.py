"""Speech to text: which sound is given to the recogniser, and what of its answer counts."""
