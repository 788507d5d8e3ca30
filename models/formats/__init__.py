"""How a module comes out of each format that an added card may name."""
