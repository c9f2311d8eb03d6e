"""Hands: 21 points of each, with a side and a confidence."""
