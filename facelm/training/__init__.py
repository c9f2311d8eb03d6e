"""Training of parsing networks, from data folders to a model file."""
