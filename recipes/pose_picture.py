"""Draws docs/pose.png: the mean face of the shape model, turned by positive yaw, pitch and roll.

python recipes/pose_picture.py
"""

from pathlib import Path

import cv2
import numpy as np

from facelm.landmarks.find import Landmarks
from facelm.landmarks.shape import Pose, shape_model
from facelm.pictures import images
from facelm.results.overlay import draw_landmarks

ROOT = Path(__file__).parent.parent
PANEL = 320
TURNS = {"yaw +35": (0, -35, 0), "pitch +25": (-25, 0, 0), "roll +20": (0, 0, 20)}


def main() -> None:
    """Draw and write."""
    panels = []
    for title, degrees in {"all 0": (0, 0, 0), **TURNS}.items():
        rotation, _ = cv2.Rodrigues(np.radians(degrees, dtype=float))
        points = 110 * (shape_model().mean @ rotation.T)[:, :2] + PANEL / 2
        drawn = np.full((PANEL, PANEL, 3), 60, np.uint8)
        ones = np.ones(68)
        drawn = draw_landmarks(drawn, [Landmarks(points, 0 * ones, ones, ones > 0, {}, Pose(0, 0, 0))])
        cv2.putText(drawn, title, (16, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 1, cv2.LINE_AA)
        panels.append(drawn)
    images.write_png(ROOT / "docs/pose.png", np.hstack(panels))


if __name__ == "__main__":
    main()
