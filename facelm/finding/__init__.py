"""From a picture to the places of its faces and hands."""
