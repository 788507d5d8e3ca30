"""The competitor that anybody would write first: a stock Faust agent that does everything inside itself."""
