"""Sounds whose content is known by how they are made: voices, music, game sounds, noise and tones, alone and mixed."""
