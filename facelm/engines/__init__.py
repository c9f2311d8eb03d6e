"""What runs a network, and the file of a model."""
