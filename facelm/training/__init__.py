"""Training of parsing networks, from data folders to a model file."""

import os

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # it asks the net for its newest version otherwise
