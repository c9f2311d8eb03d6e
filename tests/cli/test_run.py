"""Runs over folders on the real command line: what is there, what is broken, what is left half done."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import PATIENCE, lines, started, wait_until
from common import ROOT
from PIL import Image

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_one_line_of_the_manifest_for_each_picture_good_or_bad(facelm: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "empty.jpg").touch()
    (photos / "text.jpg").write_text("hello")
    (photos / "cut.png").write_bytes((photos / "a.png").read_bytes()[:2000])
    (photos / "gone.jpg").symlink_to(photos / "nowhere.jpg")
    (photos / "loop").symlink_to(photos)
    done = facelm("parse", photos, "-o", tmp_path / "out", "--manifest", tmp_path / "run.jsonl", "--json")
    assert done.returncode == 1
    manifest = lines((tmp_path / "run.jsonl").read_text())
    assert lines(done.stdout) == manifest
    names = [Path(line["image"]).relative_to(photos).as_posix() for line in manifest]
    assert names == ["a.png", "b.jpg", "cut.png", "empty.jpg", "gone.jpg", "sub/c.png", "text.jpg"]
    for line, name in zip(manifest, names, strict=True):
        if name in ("a.png", "b.jpg", "sub/c.png"):
            assert line["faces"] == 1 and float(str(line["seconds"])) > 0 and "error" not in line
        else:
            assert name in str(line["error"]) and str(line["error"]) in done.stderr
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert written == ["a.mask.png", "b.mask.png", "sub/c.mask.png"]
    assert "failed" in done.stderr and "pictures/s" in done.stderr


def test_results_that_are_there(facelm: Run, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert facelm("parse", photos, "-o", out, "--quiet").stderr == ""
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in out.rglob("*.png")}
    refused = facelm("parse", photos, "-o", out)
    assert refused.returncode == 2
    assert "a.mask.png (and 2 more) exists already" in refused.stderr and "--overwrite" in refused.stderr
    (out / "b.mask.png").unlink()
    done = facelm("parse", photos, "-o", out, "--skip-existing", "--json")
    assert done.returncode == 0 and [line["image"] for line in lines(done.stdout)] == [f"{photos}/b.jpg"]
    for path, (modified, content) in before.items():
        assert path.read_bytes() == content
        assert (path.stat().st_mtime_ns == modified) == (path.name != "b.mask.png")
    done = facelm("parse", photos, "-o", out, "--overwrite")
    assert done.returncode == 0
    assert all(path.stat().st_mtime_ns > modified for path, (modified, _) in before.items())
    assert facelm("parse", photos, "-o", out, "--skip-existing").returncode == 0
    both = facelm("parse", photos, "-o", out, "--skip-existing", "--overwrite")
    assert both.returncode == 2 and "exclude each other" in both.stderr


def test_a_manifest_goes_on_and_is_not_written_over(facelm: Run, photos: Path, tmp_path: Path) -> None:
    manifest, out = tmp_path / "run.jsonl", tmp_path / "out"
    assert facelm("parse", photos / "a.png", "-o", out, "--manifest", manifest).returncode == 0
    first = lines(manifest.read_text())[0]
    refused = facelm("parse", photos / "b.jpg", "-o", out, "--manifest", manifest)
    assert refused.returncode == 2 and "run.jsonl exists already" in refused.stderr
    assert facelm("parse", photos, "-o", out, "--manifest", manifest, "--skip-existing").returncode == 0
    assert lines(manifest.read_text())[0] == first | {"skipped": True}
    assert [Path(line["image"]).name for line in lines(manifest.read_text())] == ["a.png", "b.jpg", "c.png"]


def test_crops_are_not_written_over(facelm: Run, photos: Path, tmp_path: Path) -> None:
    crops = tmp_path / "crops"
    assert facelm("parse", photos, "-o", tmp_path / "one", "--crops", crops).returncode == 0
    refused = facelm("parse", photos, "-o", tmp_path / "two", "--crops", crops)
    assert refused.returncode == 2 and "already" in refused.stderr and "--overwrite" in refused.stderr
    (crops / "a.2.crop.png").write_bytes((crops / "a.1.crop.png").read_bytes())
    done = facelm("parse", photos, "-o", tmp_path / "two", "--crops", crops, "--overwrite")
    assert done.returncode == 0
    assert sorted(path.name for path in crops.rglob("*.png")) == ["a.1.crop.png", "b.1.crop.png", "c.1.crop.png"]
    refused = facelm("parse", photos, "-o", tmp_path / "three", "--crops", photos)
    assert refused.returncode == 2 and "give crops another folder" in refused.stderr
    assert not (tmp_path / "three").exists()


def test_points_of_one_picture_that_cannot_be_written_do_not_stop_the_rest(
    facelm: Run, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (out / "a.pts").mkdir(parents=True)
    (out / "b.2.pts").write_text("of a face that was there before")
    done = facelm("landmarks", photos, "--format", "pts", "-o", out, "--overwrite", "--json")
    assert done.returncode == 1 and f"{out}/a.pts: cannot be written" in done.stderr
    assert ["error" in line for line in lines(done.stdout)] == [True, False, False]
    assert sorted(path.name for path in out.rglob("*.pts") if path.is_file()) == ["b.pts", "c.pts"]


@pytest.mark.parametrize(("separator", "file"), [("\n", "list.txt"), ("\0", "list.txt"), ("\0", "-")])
def test_inputs_from_a_file(photos: Path, tmp_path: Path, separator: str, file: str) -> None:
    (photos / "with space.png").write_bytes((photos / "a.png").read_bytes())
    content = separator.join([f"{photos}/b.jpg", f"{photos}/with space.png", ""]).encode()
    (tmp_path / "list.txt").write_bytes(content)
    path = "-" if file == "-" else str(tmp_path / file)
    command = [sys.executable, "-m", "facelm", "landmarks", "--from-file", path]
    done = subprocess.run(command, cwd=ROOT, input=content, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert [Path(line["image"]).name for line in lines(done.stdout.decode())] == ["b.jpg", "with space.png"]


def test_no_input_at_all(facelm: Run, tmp_path: Path) -> None:
    assert facelm("parse").returncode == 2
    missing = facelm("parse", "--from-file", tmp_path / "missing.txt")
    assert missing.returncode == 2 and "missing.txt: cannot be read" in missing.stderr
    (tmp_path / "none.txt").write_text("")
    assert facelm("parse", "--from-file", tmp_path / "none.txt").returncode == 3


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_the_pictures_in_hand(photos: Path, tmp_path: Path, number: int, status: int) -> None:
    for copy in range(300):
        os.link(photos / "a.png", photos / f"copy{copy:03}.png")
    out = tmp_path / "out"
    with started("parse", photos, "-o", out, "--manifest", tmp_path / "m") as running:
        wait_until(lambda: list(out.rglob("*.mask.png")), running)
        running.send_signal(number)
        running.communicate(timeout=PATIENCE)
    assert running.returncode == status
    written = [path for path in out.rglob("*") if path.is_file()]
    assert 1 <= len(written) < 300
    assert all(path.name.endswith(".mask.png") for path in written)
    for path in written:
        Image.open(path).load()
    assert len(lines((tmp_path / "m").read_text())) == len(written)


def test_a_killed_run_goes_on_to_the_same_files(facelm: Run, photos: Path, tmp_path: Path) -> None:
    for copy in range(40):
        os.link(photos / "a.png", photos / "sub" / f"copy{copy:03}.png")
    assert facelm("parse", photos, "-o", tmp_path / "whole").returncode == 0
    out, pipe = tmp_path / "out", tmp_path / "pipe.png"
    os.mkfifo(pipe)  # nobody writes to it, so the run does not come to an end
    with started("parse", photos / "a.png", photos / "b.jpg", pipe, photos, "-o", out) as running:
        wait_until(lambda: len(list(out.rglob("*.mask.png"))) >= 5, running)
        running.kill()
    before = sorted(out.rglob("*.mask.png"))
    assert running.returncode == -signal.SIGKILL
    for path in before:
        assert path.read_bytes() == (tmp_path / "whole" / path.relative_to(out)).read_bytes()
    # What the kill leaves where it hits while a file is being written.
    crops, manifest = tmp_path / "crops", tmp_path / "lines" / "run.jsonl"
    half = f".facelm-{''.join(filter(str.isalnum, platform.node()))}-{running.pid}-00.png"
    for folder in (out / "sub", crops / "sub", manifest.parent):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / half).write_bytes(b"half")
    done = facelm("parse", photos, "-o", out, "--skip-existing", "--crops", crops, "--manifest", manifest)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob(half))
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {path.relative_to(out): path.read_bytes() for path in files} == {
        path.relative_to(tmp_path / "whole"): path.read_bytes()
        for path in (tmp_path / "whole").rglob("*")
        if path.is_file()
    }


def test_boxes_crops_and_instances(facelm: Run, tmp_path: Path, group: np.ndarray) -> None:
    Image.fromarray(group).save(tmp_path / "group.png")
    done = facelm("landmarks", tmp_path / "group.png")
    faces = json.loads(done.stdout)["faces"]
    boxes = sorted(face["box"] for face in faces)[:2]
    (tmp_path / "boxes.json").write_text(json.dumps({"group.png": boxes}))
    options = ("--crops", tmp_path / "crops", "--crop-size", 128, "--instances", "-o", tmp_path / "out")
    done = facelm("parse", tmp_path / "group.png", "--box", tmp_path / "boxes.json", *options)
    assert done.returncode == 0, done.stderr
    for number, box in enumerate(boxes, 1):
        crop = tmp_path / "crops" / f"group.{number}.crop.png"
        assert Image.open(crop).size == (128, 128)
        (face,) = json.loads(facelm("landmarks", crop).stdout)["faces"]
        assert abs(face["roll"]) < 6
        in_picture = next(each for each in faces if each["box"] == box)
        assert abs(face["pose"]["yaw"] - in_picture["pose"]["yaw"]) < 12
    assert not (tmp_path / "crops" / "group.3.crop.png").exists()
    owner = np.array(Image.open(tmp_path / "out" / "group.instances.png"))
    mask = np.array(Image.open(tmp_path / "out" / "group.mask.png"))
    assert owner.shape == mask.shape and set(np.unique(owner)) == {0, 1, 2}
    assert ((owner == 0) == (mask == 0)).all()
    for number, (x0, y0, x1, y1) in enumerate(boxes, 1):
        inside = owner[round(y0) : round(y1), round(x0) : round(x1)]
        assert (inside == number).mean() > 0.7
    wrong = facelm("parse", tmp_path / "group.png", "--box", "1,2,3", "-o", tmp_path / "out")
    assert wrong.returncode == 2 and "1,2,3" in wrong.stderr


def test_every_kind_of_file(facelm: Run, tmp_path: Path, astronaut: np.ndarray) -> None:
    """Each picture that can be read has its mask, each other one its error, and nothing else is left."""
    good, bad = tmp_path / "zoo", tmp_path / "zoo" / "bad"
    bad.mkdir(parents=True)
    portrait = Image.fromarray(astronaut[:256, 96:352]).resize((128, 128))
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # what undoes the orientation, as PIL numbers it
        stored = portrait if orientation == 1 else portrait.transpose(Image.Transpose(back[orientation]))
        stored.save(good / f"exif{orientation}.png", exif=exif)
    portrait.convert("CMYK").save(good / "cmyk.jpg")
    portrait.convert("RGBA").quantize(32).save(good / "palette.png", transparency=3)
    portrait.save(good / "animated.gif", save_all=True, append_images=[portrait.rotate(90)])
    portrait.save(good / "moving.webp", save_all=True, append_images=[portrait.rotate(90)])
    grey = np.array(portrait.convert("L"))
    Image.fromarray(grey.astype(np.uint16) * 257).save(good / "sixteen.png")
    Image.fromarray(grey.astype(np.float32) / 255).save(good / "float.tif")
    for name in ("with space.png", "-dash.png", "näme.png", "new\nline.png"):
        portrait.save(good / name)
    Image.new("RGB", (1, 1)).save(good / "one.png")
    Image.new("1", (20_000, 20_000)).save(bad / "huge.png")
    (bad / "empty.png").touch()
    (bad / "text.jpg").write_text("hello")
    for name in ("cut.png", "short.jpg"):
        portrait.save(bad / name)
        (bad / name).write_bytes((bad / name).read_bytes()[:1500])
    (bad / "gone.png").symlink_to(bad / "nowhere.png")
    (bad / "circle.png").symlink_to(bad / "circle.png")
    done = facelm("parse", good, "-o", tmp_path / "out", "--json")
    assert done.returncode == 1
    result = {Path(line["image"]): line for line in lines(done.stdout)}
    pictures = {path for path in good.rglob("*.*") if path.name != "bad"}
    assert set(result) == pictures
    for path, line in result.items():
        assert ("error" in line) == (path.parent == bad), line
        if path.parent == bad:
            assert path.name in str(line["error"])
        elif path.name != "one.png":
            # A turned picture is a cut, and a cut ends a track.
            assert line["faces"] == (2 if path.name in ("animated.gif", "moving.webp") else 1), line
    masks = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    stills = {f"{path.stem}.mask.png" for path in pictures if path.parent == good}
    stills -= {"animated.mask.png", "moving.mask.png"}
    assert masks == stills | {"000000.mask.png", "000001.mask.png"}
    upright = np.array(Image.open(tmp_path / "out" / "exif1.mask.png"))
    for orientation in range(2, 9):
        assert np.array_equal(np.array(Image.open(tmp_path / "out" / f"exif{orientation}.mask.png")), upright)


def test_a_full_disk_is_told_and_leaves_no_part_of_a_file(facelm: Run, photos: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a small disk here")
    try:
        done = facelm("overlay", photos, "-o", disk)
        left = [path for path in disk.rglob("*") if path.is_file()]
        for path in left:
            with Image.open(path) as picture:
                picture.load()
    finally:
        subprocess.run(["umount", disk], check=True)
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert len(left) < 3 and all(path.name.endswith(".overlay.jpg") for path in left)


def test_a_folder_that_cannot_be_written_to(facelm: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = facelm("parse", photos, "-o", tmp_path / "file" / "below")
    assert done.returncode == 1
    assert done.stderr.count("below") >= 3


def test_thousands_of_inputs_on_the_command_line(facelm: Run, photos: Path, tmp_path: Path) -> None:
    missing = [tmp_path / f"missing{number}.jpg" for number in range(3000)]
    done = facelm("landmarks", photos / "a.png", *missing)
    result = lines(done.stdout)
    assert done.returncode == 1 and len(result) == 3001
    assert sum("error" in line for line in result) == 3000


def test_results_inside_of_the_input_folder_are_not_read_again(facelm: Run, photos: Path) -> None:
    for _ in range(2):
        crops = photos / "results" / "crops"
        done = facelm("parse", photos, "-o", photos / "results", "--crops", crops, "--overwrite", "--json")
        assert len(lines(done.stdout)) == 3
    assert len(list(crops.rglob("*.png"))) == 3
