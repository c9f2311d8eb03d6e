from __future__ import annotations

import numpy as np
import pytest
from recorded import ellipse, face

from facelm.results.coco import encode_region
from facelm.results.records import PictureRecord


@pytest.fixture
def records() -> list[PictureRecord]:
    return [
        PictureRecord("in/Zoë ünd 1.jpg", 80, 60, (face(1, region=encode_region(ellipse())),), stem="Zoë ünd 1"),
        PictureRecord("in/empty.png", 7, 9, stem="empty"),
        PictureRecord("in/broken.jpg", error="broken.jpg: truncated", stem="broken"),
        PictureRecord("in/sub/two.webp", 80, 60, (face(2), face(3)), stem="sub/two"),
    ]


@pytest.fixture
def points(records: list[PictureRecord]) -> list[np.ndarray]:
    return [found.landmarks for record in records for found in record.faces]
