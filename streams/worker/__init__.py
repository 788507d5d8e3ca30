"""The process: which roles it runs, of which parts, and how it begins and ends."""
