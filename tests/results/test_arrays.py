from __future__ import annotations

from pathlib import Path

import numpy as np
from recorded import face, hand, same

from facelm.results.arrays import save_npz, to_arrays
from facelm.results.records import PictureRecord


def test_each_face_has_a_row(records: list[PictureRecord], points: list[np.ndarray], tmp_path: Path) -> None:
    save_npz(records, tmp_path / "new" / "faces.npz")
    with np.load(tmp_path / "new" / "faces.npz", allow_pickle=False) as found:
        names = {"image", "face_id", "box", "score", "pose", "landmarks", "confidence", "visible"}
        assert set(found) == names
        assert found["image"].tolist() == ["in/Zoë ünd 1.jpg", "in/sub/two.webp", "in/sub/two.webp"]
        assert found["face_id"].tolist() == [0, 0, 1]
        same(found["landmarks"], points)
        np.testing.assert_allclose(found["pose"][0], [4.0, -2.0, -3.14159], rtol=1e-6)
        np.testing.assert_allclose(found["box"][0], records[0].faces[0].box, rtol=1e-6)
        np.testing.assert_allclose(found["score"], 0.987654, rtol=1e-6)
        np.testing.assert_allclose(found["confidence"][2], records[3].faces[1].confidence, rtol=1e-5)
        assert found["visible"].dtype == bool
        assert np.array_equal(found["visible"][1], records[3].faces[0].visible)


def test_arrays_without_a_face_keep_their_shapes(records: list[PictureRecord], tmp_path: Path) -> None:
    save_npz(records[1:3], tmp_path / "none.npz")
    with np.load(tmp_path / "none.npz", allow_pickle=False) as found:
        assert found["image"].shape == found["face_id"].shape == found["score"].shape == (0,)
        assert (found["box"].shape, found["pose"].shape) == ((0, 4), (0, 3))
        assert found["landmarks"].shape == (0, 68, 2)
        assert found["confidence"].shape == found["visible"].shape == (0, 68)


def test_hands_have_arrays_of_their_own() -> None:
    both = PictureRecord("a.jpg", 80, 60, (face(1),), hands=(hand(1), hand(2)))
    found = to_arrays([both])
    assert found["hand_image"].tolist() == ["a.jpg"] * 2 and found["hand_id"].tolist() == [0, 1]
    assert found["hand_side"].tolist() == ["left", "right"]
    assert found["hand_landmarks"].shape == (2, 21, 2) and found["hand_visible"].dtype == bool
    assert found["landmarks"].shape == (1, 68, 2)
    empty = to_arrays([PictureRecord("b.jpg", 80, 60, (), hands=())], solid=True)
    assert empty["hand_landmarks"].shape == (0, 21, 2) and empty["hand_landmarks_3d"].shape == (0, 21, 3)


def test_frames_tell_their_times_and_tracks() -> None:
    still = PictureRecord("a.jpg", 80, 60, (face(1),), hands=(hand(1),))
    frame = PictureRecord("b.mp4", 80, 60, (face(2, track=3),), None, "", 7, 0.28, (hand(2, track=5),))
    found = to_arrays([still, frame])
    for kind, track in (("", 3), ("hand_", 5)):
        assert found[f"{kind}frame"].tolist() == [-1, 7] and found[f"{kind}timestamp"].tolist() == [0, 0.28]
        assert found[f"{kind or 'face_'}id"].tolist() == [0, track]
    assert "frame" not in to_arrays([still]) and "hand_frame" not in to_arrays([still])
