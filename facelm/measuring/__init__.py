"""How good the results are, and how fast they come."""
