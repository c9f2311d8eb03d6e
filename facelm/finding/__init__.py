"""From a picture to the places of its faces."""
