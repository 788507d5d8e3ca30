"""A chat model's yes or no to labels of a video: what it is asked, and what its answer becomes."""
