"""Programs for Neuron devices: compiled in a step of their own, kept on disk, and admitted by their answers."""
