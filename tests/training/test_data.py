from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from common import draw_face, write_celebamask, write_pair
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facelm import classes
from facelm.pictures import files, images
from facelm.training import data
from facelm.training.data import DataError, Example


def problem(folder: Path) -> str:
    """What ``check`` says of a data folder."""
    with pytest.raises(DataError) as caught:
        data.check(data.find(folder))
    return str(caught.value)


def test_pairs_are_found_by_stem_and_sorted(draw_data) -> None:
    folder = draw_data(3)
    (folder / "images/02.png").rename(folder / "images/02.PNG")
    (folder / "images/readme.txt").touch()
    (folder / "images/._00.png").write_bytes(b"of a Mac")
    examples = data.find(folder)
    assert [example.image.name for example in examples] == ["00.png", "01.png", "02.PNG"]
    assert [example.mask for example in examples] == [folder / f"masks/0{i}.png" for i in range(3)]
    data.check(examples)


def test_a_pair_is_read_as_it_is(draw_data) -> None:
    rgb, mask = data.find(draw_data(1))[0].read()
    wanted = draw_face(64, 0)
    np.testing.assert_array_equal(rgb, wanted[0])
    np.testing.assert_array_equal(mask, wanted[1])
    assert rgb.dtype == mask.dtype == np.uint8


def test_celebamask_is_found_and_its_parts_are_merged(tmp_path) -> None:
    write_celebamask(tmp_path, 3)
    examples = data.find(tmp_path)
    assert [example.image.name for example in examples] == ["0.jpg", "1.jpg", "2.jpg"]
    data.check(examples)
    rgb, mask = examples[2].read()
    drawn_rgb, drawn = draw_face(48, 2)
    kept = np.isin(drawn, classes.indices("skin", "hair", "nose", "l_eye", "r_eye"))
    np.testing.assert_array_equal(mask, np.where(kept, drawn, 0))
    assert rgb.shape == (48, 48, 3)
    assert rgb.dtype == np.uint8
    assert np.abs(rgb.astype(float) - drawn_rgb).mean() < 10


def test_parts_are_drawn_in_the_order_of_the_classes(tmp_path) -> None:
    write_celebamask(tmp_path, 1)
    whole = Image.fromarray(np.full((48, 48), 255, np.uint8))
    for name in ("nose", "skin", "hair"):
        whole.save(tmp_path / f"CelebAMask-HQ-mask-anno/0/00000_{name}.png")
    _, mask = data.find(tmp_path)[0].read()
    assert (mask == classes.INDEX["hair"]).all()


def test_celebamask_pictures_without_parts_are_left_out(tmp_path) -> None:
    write_celebamask(tmp_path, 2)
    shutil.copy(tmp_path / "CelebA-HQ-img/0.jpg", tmp_path / "CelebA-HQ-img/7.jpg")
    (tmp_path / "CelebAMask-HQ-mask-anno/0/00000_beard.png").touch()
    assert [example.image.name for example in data.find(tmp_path)] == ["0.jpg", "1.jpg"]


def test_celebamask_without_any_part_is_an_error(tmp_path) -> None:
    write_celebamask(tmp_path, 1)
    shutil.rmtree(tmp_path / "CelebAMask-HQ-mask-anno/0")
    with pytest.raises(DataError, match="no picture of CelebA-HQ-img/ has part masks"):
        data.find(tmp_path)


@pytest.mark.parametrize("made", ["", "images", "masks", "CelebA-HQ-img"])
def test_a_folder_of_neither_layout_says_what_is_wanted(tmp_path, made) -> None:
    (tmp_path / made).mkdir(exist_ok=True)
    with pytest.raises(DataError, match=r"images/ and masks/ .* CelebAMask-HQ-mask-anno/") as caught:
        data.find(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_missing_folder_is_a_data_error(tmp_path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        data.find(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"nowhere: cannot be listed \(No such file"):
        data.find_pictures(tmp_path / "nowhere")


def test_a_picture_without_a_mask_is_named(draw_data) -> None:
    folder = draw_data(3)
    (folder / "masks/01.png").unlink()
    with pytest.raises(DataError, match=r"images/01\.png: no mask .*masks/<same stem>\.png"):
        data.find(folder)


def test_no_more_than_ten_faults_are_listed(draw_data) -> None:
    folder = draw_data(13)
    shutil.rmtree(folder / "masks")
    (folder / "masks").mkdir()
    with pytest.raises(DataError) as caught:
        data.find(folder)
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[-1] == "and 3 more"


def test_no_pictures(tmp_path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(DataError, match="images: no pictures"):
        data.find(tmp_path)


def test_a_mask_of_another_size_is_named_with_both_sizes(draw_data) -> None:
    folder = draw_data(2)
    images.write_mask(folder / "masks/01.png", np.zeros((40, 30), np.uint8), classes.palette())
    assert problem(folder) == f"{folder / 'masks/01.png'}: 30x40, but the picture is 64x64"


def test_a_class_out_of_range_is_named(draw_data) -> None:
    folder = draw_data(2)
    mask = np.zeros((64, 64), np.uint8)
    mask[3, 4] = 19
    images.write_mask(folder / "masks/00.png", mask, classes.palette())
    assert problem(folder) == f"{folder / 'masks/00.png'}: class 19; wanted are 0 to 18, or 255 for unknown"


def test_unknown_pixels_are_accepted(draw_data) -> None:
    folder = draw_data(1)
    images.write_mask(folder / "masks/00.png", np.full((64, 64), 255, np.uint8), classes.palette())
    data.check(data.find(folder))
    assert (data.find(folder)[0].read()[1] == 255).all()


def test_a_colour_mask_is_refused_and_told_what_is_wanted(draw_data) -> None:
    folder = draw_data(2)
    Image.fromarray(draw_face(64, 0)[0]).save(folder / "masks/00.png")
    message = problem(folder)
    assert message.startswith(str(folder / "masks/00.png"))
    assert "is a colour picture; a mask is a palette or grey PNG of class indices" in message


def test_a_grey_mask_is_as_good_as_a_palette(draw_data) -> None:
    folder = draw_data(1)
    Image.fromarray(draw_face(64, 0)[1]).save(folder / "masks/00.png")
    data.check(data.find(folder))
    np.testing.assert_array_equal(data.find(folder)[0].read()[1], draw_face(64, 0)[1])


@pytest.mark.parametrize("layout", ["pairs", "celebamask"])
@pytest.mark.parametrize("fault", ["empty", "foreign", "truncated"])
def test_a_damaged_picture_is_found_before_training(tmp_path, layout, fault) -> None:
    if layout == "pairs":
        write_pair(tmp_path, "0", *draw_face(64, 0))
        (tmp_path / "images/0.png").unlink()
        picture = tmp_path / "images/0.jpg"
        Image.fromarray(draw_face(64, 0)[0]).save(picture)
    else:
        write_celebamask(tmp_path, 1)
        picture = tmp_path / "CelebA-HQ-img/0.jpg"
    content = picture.read_bytes()
    spoilt = {"empty": b"", "foreign": b"%PDF-1.7", "truncated": content[: len(content) // 2]}
    picture.write_bytes(spoilt[fault])
    message = problem(tmp_path)
    assert message.startswith(str(picture))
    assert len(message.splitlines()) == 1


def test_a_damaged_mask_is_found(draw_data) -> None:
    folder = draw_data(2)
    (folder / "masks/01.png").write_bytes(b"no PNG")
    assert problem(folder).startswith(f"{folder / 'masks/01.png'}: not a picture")


def test_parts_of_different_sizes_are_found(tmp_path) -> None:
    write_celebamask(tmp_path, 1)
    Image.new("L", (20, 20)).save(tmp_path / "CelebAMask-HQ-mask-anno/0/00000_hair.png")
    assert "its part masks differ in size" in problem(tmp_path)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_turned_picture_goes_with_the_mask_of_its_upright_size(tmp_path, orientation) -> None:
    rgb, mask = (array[:, :40] for array in draw_face(64, 0))
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    write_pair(tmp_path, "0", rgb, mask)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.rot90(rgb, turns).copy()).save(tmp_path / "images/0.png", exif=exif)
    example = data.find(tmp_path)[0]
    data.check([example])
    read_rgb, read_mask = example.read()
    np.testing.assert_array_equal(read_rgb, rgb)
    np.testing.assert_array_equal(read_mask, mask)


def write_with_orientation(folder: Path, orientation: int) -> None:
    """A pair 40 pixels wide and 64 high, whose picture claims an EXIF orientation."""
    rgb, mask = (array[:, :40] for array in draw_face(64, 0))
    write_pair(folder, "0", rgb, mask)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(rgb).save(folder / "images/0.png", exif=exif)


def test_a_mask_of_the_stored_size_of_a_turned_picture_is_refused(tmp_path) -> None:
    write_with_orientation(tmp_path, 6)
    assert problem(tmp_path).endswith("40x64, but the picture is 64x40")


def test_an_orientation_that_makes_no_sense_counts_as_upright(tmp_path) -> None:
    write_with_orientation(tmp_path, 9)
    data.check(data.find(tmp_path))


def test_the_check_reports_its_progress(draw_data) -> None:
    examples = data.find(draw_data(3))
    seen: list[tuple[int, int]] = []
    data.check(examples, lambda *progress: seen.append(progress))
    assert seen == [(i, 3) for i in range(1, 4)]


def test_reading_a_missing_file_is_an_image_error(tmp_path) -> None:
    with pytest.raises(files.ImageError, match=r"gone\.png: no such file"):
        Example(tmp_path / "gone.png", tmp_path / "gone.png").read()
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(files.ImageError, match=r"a\.png: no part masks"):
        Example(tmp_path / "a.png").read()


@given(st.integers(2, 60), st.floats(0.01, 0.5), st.integers(0, 2**32))
def test_a_split_is_disjoint_complete_and_repeatable(count, fraction, seed) -> None:
    examples = [Example(Path(f"{i}.png")) for i in range(count)]
    train, val = data.split(examples, fraction, seed)
    assert sorted([*train, *val], key=lambda e: int(e.image.stem)) == examples
    assert train
    assert len(val) == max(1, round(fraction * count))
    assert (train, val) == data.split(examples, fraction, seed)


def test_another_seed_splits_otherwise() -> None:
    examples = [Example(Path(f"{i}.png")) for i in range(40)]
    assert data.split(examples, 0.1, 0) != data.split(examples, 0.1, 1)


@pytest.mark.parametrize("count", [0, 1])
def test_less_than_two_examples_cannot_be_split(count) -> None:
    with pytest.raises(DataError, match="give --val, or more data"):
        data.split([Example(Path("0.png"))] * count, 0.1, 0)


def write_merged(folder: Path, merged: object) -> None:
    hairy = classes.indices("hair", "l_brow", "r_brow")
    for seed in range(2):
        rgb, mask = draw_face(64, seed)
        write_pair(folder, str(seed), rgb, np.isin(mask, hairy).astype(np.uint8))
    (folder / "classes.json").write_text(merged if isinstance(merged, str) else json.dumps(merged))


def test_values_of_a_coarser_folder_mean_several_classes(tmp_path: Path) -> None:
    write_merged(tmp_path, {"0": ["background"], "1": ["hair", "l_brow", "r_brow"]})
    examples = data.find(tmp_path)
    data.check(examples)
    values = examples[0].read_values()[1]
    rgb, mask = examples[0].read()
    assert rgb.shape == (64, 64, 3)
    mask = classes.mirror(mask)  # as augmentation does
    mask[0, :5] = classes.IGNORE
    labels = examples[0].label(mask)
    wanted = np.where(values == 1, classes.one_of(classes.indices("hair", "l_brow", "r_brow")), 0)
    wanted[0, :5] = classes.IGNORE
    np.testing.assert_array_equal(labels, wanted)


@pytest.mark.parametrize("merged", ["{", [1], {"0": ["background"], "2": ["hair"]}, {"0": ["backdrop"]}, {"0": 3}])
def test_a_classes_file_that_makes_no_sense_is_named(tmp_path: Path, merged: object) -> None:
    write_merged(tmp_path, merged)
    with pytest.raises(DataError, match=r"classes\.json: cannot be used"):
        data.find(tmp_path)


def test_a_value_that_the_classes_file_does_not_name_is_refused(tmp_path: Path) -> None:
    write_merged(tmp_path, {"0": list(classes.NAMES)})
    assert "class 1; wanted are 0 to 0" in problem(tmp_path)


def test_several_classes_of_one_side_are_not_to_be_learned(draw_data) -> None:
    folder = draw_data(1)
    for groups, fits in ((["l_eye", "l_brow"], False), (["l_eye", "r_eye"], True)):
        rest = [name for name in classes.NAMES if name not in groups]
        merged = {str(value): [name] for value, name in enumerate(rest)} | {str(len(rest)): groups}
        (folder / "classes.json").write_text(json.dumps(merged))
        mask = np.zeros((64, 64), np.uint8)
        images.write_mask(folder / "masks" / "00.png", mask, classes.palette())
        if fits:
            data.check(data.find(folder))
        else:
            with pytest.raises(DataError, match=r"classes\.json: value 17 stands for several classes of one side"):
                data.check(data.find(folder))


def test_what_training_cannot_read_is_found_before(draw_data, monkeypatch) -> None:
    folder = draw_data(1)
    monkeypatch.setattr(images, "MAX_PIXELS", 1000)
    with pytest.raises(DataError, match=r"00\.png: too many pixels"):
        data.check(data.find(folder))
