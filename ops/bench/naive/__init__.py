"""The simplest competitor: a stock Faust agent that does everything itself."""
