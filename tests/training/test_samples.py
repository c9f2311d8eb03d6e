from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from common import ROOT, draw_face, write_pair
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facelm import classes
from facelm.pictures import images
from facelm.training import data
from facelm.training.config import TrainConfig
from facelm.training.data import DataError
from facelm.training.samples import Order, TrainingSet, ValidationSet, find_samples


@pytest.fixture
def config(faces: Path) -> TrainConfig:
    return TrainConfig((str(faces),), "", size=64, batch=3)


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 9), st.integers(0, 9))
def test_an_epoch_shows_each_example_at_most_once_in_whole_batches(count, batch, seed, epoch) -> None:
    order = Order(count, batch, seed, epoch, 0)
    keys = list(order)
    assert len(order) == len(keys) == count // batch * batch
    assert {e for e, _ in keys} <= {epoch}
    assert len({index for _, index in keys}) == len(keys)
    assert all(0 <= index < count for _, index in keys)


@given(st.integers(0, 9), st.integers(0, 5))
def test_an_order_goes_on_where_it_stopped(epoch: int, step: int) -> None:
    assert list(Order(17, 3, 1, epoch, step)) == list(Order(17, 3, 1, epoch, 0))[3 * step :]


def test_each_epoch_and_each_seed_has_its_own_order() -> None:
    indices = [[i for _, i in Order(30, 1, *key, 0)] for key in ((0, 0), (0, 1), (1, 0))]
    assert indices[0] != indices[1] != indices[2] != indices[0]


def test_samples_are_changed_less_in_the_later_half_of_a_run(config: TrainConfig) -> None:
    samples, _ = find_samples(replace(config, epochs=4))
    unknown = [
        sum(int((samples[epoch, at][1] == classes.IGNORE).sum()) for at in range(len(samples.examples)))
        for epoch in range(4)
    ]  # what comes in from outside the picture
    assert 0 < unknown[2] + unknown[3] < 0.6 * (unknown[0] + unknown[1])


def test_a_sample_depends_on_seed_epoch_and_index_alone(faces: Path) -> None:
    examples = data.find(faces)
    samples = TrainingSet(examples, 64, seed=3)
    first = {key: samples[key] for key in ((0, 0), (0, 1), (1, 0))}
    again = TrainingSet(examples, 64, seed=3)
    for key in reversed(first):
        rgb, mask = again[key]
        assert torch.equal(rgb, first[key][0])
        assert torch.equal(mask, first[key][1])
        assert (rgb.shape, rgb.dtype) == ((3, 64, 64), torch.uint8)
        assert (mask.shape, mask.dtype) == ((64, 64), torch.int64)
    assert not torch.equal(first[0, 0][0], first[1, 0][0])
    assert not torch.equal(TrainingSet(examples, 64, seed=4)[0, 0][0], first[0, 0][0])


def test_validation_shows_portraits_as_they_are(faces: Path) -> None:
    samples = ValidationSet(data.find(faces), 64)
    assert len(samples) == 10
    rgb, mask = samples[2]
    assert (rgb.shape, rgb.dtype) == ((3, 64, 64), torch.uint8)
    np.testing.assert_array_equal(mask.numpy(), draw_face(80, 2)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_workers_start_even_if_opencv_has_threads_here(faces: Path) -> None:
    # In a process of its own, for a worker that hangs would outlive this one.
    script = f"""
import cv2, numpy as np
from pathlib import Path
from facelm.training import data
from facelm.training.samples import ValidationSet, iterate, make_loader
cv2.setNumThreads(4)
cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (1500, 1500))  # large enough for several threads
samples = ValidationSet(data.find(Path({str(faces)!r})), 64)
loader = make_loader(samples, 1, collate_fn=list)
assert len(list(iterate(loader))) == 10
assert cv2.getNumThreads() == 4
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=300, cwd=ROOT)


def test_a_tenth_of_each_folder_is_held_out(config: TrainConfig, faces: Path, draw_data) -> None:
    train, held_out = find_samples(replace(config, data=(str(faces), str(draw_data(3)))))
    assert (len(train.examples), len(held_out)) == (11, 2)
    assert not set(train.examples) & set(held_out.examples)
    assert {example.image.parts[-3] for example in held_out.examples} == {faces.name, "data"}


def test_with_a_validation_folder_nothing_is_held_out(config: TrainConfig, draw_data) -> None:
    train, held_out = find_samples(replace(config, val=(str(draw_data(1)),)))
    assert (len(train.examples), len(held_out)) == (10, 1)


def test_too_few_examples(config: TrainConfig) -> None:
    with pytest.raises(DataError, match="9 training examples do not fill a batch of 10"):
        find_samples(replace(config, batch=10))


def test_two_processes_share_each_batch() -> None:
    whole = list(Order(17, 4, 1, 0, 1))
    shares = [list(Order(17, 4, 1, 0, 1, rank, 2)) for rank in range(2)]
    for step in range(3):
        batch = whole[4 * step : 4 * step + 4]
        assert sorted(shares[0][2 * step : 2 * step + 2] + shares[1][2 * step : 2 * step + 2]) == sorted(batch)


def test_pictures_that_are_not_square_keep_their_shape(tmp_path: Path) -> None:
    rgb, mask = np.full((90, 60, 3), 200, np.uint8), np.full((90, 60), classes.INDEX["skin"], np.uint8)
    mask[15:75] = classes.INDEX["hair"]  # a square of hair
    write_pair(tmp_path, "0", rgb, mask)
    samples = TrainingSet(data.find(tmp_path), 64, seed=0)
    shares = []
    for index in range(30):
        labels = samples[index, 0][1].numpy()
        rows, columns = (np.flatnonzero((labels == classes.INDEX["hair"]).any(axis)) for axis in (1, 0))
        if rows.size and rows[0] > 1 and rows[-1] < 62 and columns[0] > 1 and columns[-1] < 62:
            shares.append(np.ptp(rows) / np.ptp(columns))
        assert classes.IGNORE in labels  # the border
    assert np.median(shares) == pytest.approx(1, abs=0.1)


def test_labels_of_several_classes_do_not_count_in_validation(tmp_path: Path) -> None:
    for number in range(4):
        write_pair(tmp_path, str(number), *draw_face(64, number))
    names = [*classes.NAMES[:17], ["neck", "cloth"]]
    merged = {str(value): [name] if isinstance(name, str) else name for value, name in enumerate(names)}
    (tmp_path / "classes.json").write_text(json.dumps(merged))
    mask = np.array(Image.open(tmp_path / "masks" / "0.png"))
    mask[mask == classes.INDEX["cloth"]] = 17
    images.write_mask(tmp_path / "masks" / "0.png", mask, classes.palette())
    _, shown = ValidationSet(data.find(tmp_path), 64)[0]
    assert ((shown.numpy() == classes.IGNORE) == (mask == 17)).all()
    assert (shown.numpy()[mask < 17] == mask[mask < 17]).all()
