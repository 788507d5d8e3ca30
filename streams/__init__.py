"""How events flow; ARCHITECTURE.md names the folders from the top down."""
