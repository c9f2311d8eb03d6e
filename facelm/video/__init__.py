"""Clips: frames in their true time, faces that are followed through them, and what is written of them."""
