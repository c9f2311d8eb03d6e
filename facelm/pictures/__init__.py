"""From files to upright RGB: which files, what is in them, and pieces of them."""
