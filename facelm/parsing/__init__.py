"""From the place of a face to a parsed face, and from parsed faces to a mask."""
