"""From a parsed face to its points."""
