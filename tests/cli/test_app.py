from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from common import ROOT
from PIL import Image
from typer.main import get_command

from facelm import classes
from facelm.cli.app import app

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """A folder as people have them: sub folders, spaces, umlauts, a turned picture, a broken one, other files."""
    folder = tmp_path_factory.mktemp("photos")
    (folder / "sub dir").mkdir()
    face = Image.fromarray(astronaut[20:276, 96:352])
    face.save(folder / "Zoë 1.png")
    turned = Image.fromarray(np.rot90(astronaut[20:276, 96:300], 1).copy())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned clockwise
    turned.save(folder / "sub dir" / "turned.jpg", exif=exif, quality=95)
    shutil.copy(ROOT / "sample_images" / "no_face.jpg", folder / "nobody.jpg")
    (folder / "broken.jpg").write_bytes((ROOT / "sample_images" / "person.jpg").read_bytes()[:3000])
    (folder / "notes.txt").write_text("not a picture")
    return folder


def written(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def parsed(facelm: Run, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, Path]:
    out = tmp_path_factory.mktemp("masks") / "new"
    return facelm("parse", photos, "-o", out, "--probabilities"), out


def test_parse_writes_a_mask_for_each_picture_and_names_the_broken_one(parsed: tuple, photos: Path) -> None:
    result, out = parsed
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("broken.jpg") == 1 and "Traceback" not in result.stderr
    stems = ["Zoë 1", "nobody", "sub dir/turned"]
    assert written(out) == sorted(f"{stem}{suffix}" for stem in stems for suffix in (".mask.png", ".npz"))


def test_masks_are_palette_pictures_of_the_upright_size(parsed: tuple) -> None:
    _, out = parsed
    with Image.open(out / "sub dir" / "turned.mask.png") as mask:
        assert mask.mode == "P" and mask.size == (204, 256)
        assert (np.array(mask.getpalette()[:57]).reshape(19, 3) == classes.palette()[:19]).all()
        values = np.array(mask)
    assert classes.NAMES[values[81, 107]] == "r_eye" and classes.NAMES[values[83, 151]] == "l_eye"
    assert not np.array(Image.open(out / "nobody.mask.png")).any()


def test_probabilities_are_beside_the_mask(parsed: tuple) -> None:
    _, out = parsed
    with np.load(out / "Zoë 1.npz", allow_pickle=False) as arrays:
        assert tuple(arrays["classes"]) == classes.NAMES
        agreed = arrays["probabilities"].argmax(0) == np.array(Image.open(out / "Zoë 1.mask.png"))
    assert agreed.mean() > 0.99


def test_landmarks_are_json_lines_of_the_contract(facelm: Run, photos: Path) -> None:
    result = facelm("landmarks", photos)
    assert result.returncode == 1 and result.stderr.count("broken.jpg") == 1
    lines = {line["image"]: line for line in map(json.loads, result.stdout.splitlines())}
    names = ("Zoë 1.png", "broken.jpg", "nobody.jpg", "sub dir/turned.jpg")
    assert list(lines) == [f"{photos.as_posix()}/{name}" for name in names]
    first, broken, nobody, turned = lines.values()
    assert set(broken) == {"image", "error"} and "broken.jpg" in broken["error"]
    assert set(nobody) == {"image", "width", "height", "faces"} and nobody["faces"] == []
    assert (turned["width"], turned["height"]) == (204, 256)
    for record in (first, turned):
        (face,) = record["faces"]
        contract = ["box", "score", "roll", "pose", "landmarks", "confidence", "visible"]
        assert list(face) == [*contract, "covered", "covered_by"]
        assert set(face["pose"]) == {"yaw", "pitch", "roll"} and face["pose"]["roll"] == face["roll"]
        assert np.array(face["landmarks"]).shape == (68, 2)
        assert len(face["confidence"]) == len(face["visible"]) == 68
        x0, y0, x1, y1 = face["box"]
        assert x0 < 107 < x1 and y0 < 110 < y1
    apart = np.array(first["faces"][0]["landmarks"]) - turned["faces"][0]["landmarks"]
    assert np.abs(apart).mean() < 2


def test_points_in_space_and_a_lowest_confidence(facelm: Run, photos: Path) -> None:
    plain, solid = (
        json.loads(facelm("landmarks", photos / "Zoë 1.png", *options).stdout)["faces"][0]
        for options in ((), ("--3d", "--min-confidence", 0.9))
    )
    points = np.array(solid["landmarks_3d"])
    np.testing.assert_array_equal(points[:, :2], plain["landmarks"])
    assert points[30, 2] < points[27, 2] < points[[0, 16], 2].min()  # the tip of the nose is nearest, ears are far
    kept = np.array(plain["visible"]) & (np.array(plain["confidence"]) >= 0.9)
    assert solid["visible"] == kept.tolist() != plain["visible"]
    refused = facelm("landmarks", photos, "--3d", "--format", "coco", "-o", photos / "x.json")
    assert refused.returncode == 2 and "--format coco holds two dimensions" in refused.stderr


def test_the_jaw_is_the_outline_or_the_bone(facelm: Run, photos: Path) -> None:
    outline, same, bone = (
        json.loads(facelm("landmarks", photos / "Zoë 1.png", *options).stdout)["faces"][0]
        for options in ((), ("--jaw", "outline"), ("--jaw", "bone"))
    )
    assert outline == same
    assert outline["landmarks"][17:] == bone["landmarks"][17:] and outline["pose"] == bone["pose"]
    assert outline["landmarks"][:17] != bone["landmarks"][:17]


def test_overlay_draws_on_the_photo(facelm: Run, photos: Path, tmp_path: Path) -> None:
    result = facelm("overlay", f"{photos}/*.png", f"{photos}/nobody.jpg", "-o", tmp_path / "o")
    assert result.returncode == 0 and result.stdout == ""
    assert written(tmp_path / "o") == ["Zoë 1.overlay.jpg", "nobody.overlay.jpg"]
    photo = np.array(Image.open(photos / "Zoë 1.png").convert("RGB")).astype(int)
    drawn = np.array(Image.open(tmp_path / "o" / "Zoë 1.overlay.jpg")).astype(int)
    changed = np.abs(drawn - photo).max(2) > 40
    # Beside her there is nothing above her shoulder.
    assert changed[80:150, 85:170].mean() > 0.2 and changed[:200, 230:].mean() < 0.001


def test_overlay_without_mask_and_landmarks_is_the_photo(facelm: Run, photos: Path, tmp_path: Path) -> None:
    result = facelm("overlay", photos / "Zoë 1.png", "--no-mask", "--no-landmarks", "-o", tmp_path)
    assert result.returncode == 0
    photo = np.array(Image.open(photos / "Zoë 1.png").convert("RGB")).astype(int)
    assert np.abs(np.array(Image.open(tmp_path / "Zoë 1.overlay.jpg")) - photo).mean() < 3


def test_overlay_of_one_of_the_two(facelm: Run, photos: Path, tmp_path: Path) -> None:
    photo = np.array(Image.open(photos / "Zoë 1.png").convert("RGB")).astype(int)
    given = {"mask": ("--no-landmarks",), "faint": ("--no-landmarks", "--opacity", 0.1), "points": ("--no-mask",)}
    changed = {}
    for name, options in given.items():
        assert facelm("overlay", photos / "Zoë 1.png", *options, "-o", tmp_path / name).returncode == 0
        drawn = np.array(Image.open(tmp_path / name / "Zoë 1.overlay.jpg")).astype(int)
        changed[name] = np.abs(drawn - photo).max(2)[80:150, 85:170]
    assert (changed["mask"] > 15).mean() > 0.6 > 0.4 > (changed["points"] > 15).mean() > 0.02
    assert changed["faint"].mean() < changed["mask"].mean() / 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_standard_output_that_is_full(photos: Path) -> None:
    command = [sys.executable, "-m", "facelm", "landmarks", str(photos / "Zoë 1.png")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1
    assert done.stderr == "standard output: cannot be written (No space left on device)\n"


def test_standard_output_that_is_closed(photos: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "facelm", *map(str, arguments)]
        return subprocess.run(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)

    done = run("landmarks", photos / "Zoë 1.png", "-o", tmp_path / "faces.jsonl")
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "faces.jsonl").read_text().splitlines()) == 1
    refused = run("landmarks", photos / "Zoë 1.png")
    assert refused.returncode == 2
    assert "standard output is closed" in refused.stderr


def test_standard_input(photos: Path) -> None:
    command = [sys.executable, "-m", "facelm", "landmarks", "-"]
    result = subprocess.run(command, input=(photos / "Zoë 1.png").read_bytes(), capture_output=True, cwd=ROOT)
    assert result.returncode == 0
    record = json.loads(result.stdout)
    assert record["image"] == "-" and len(record["faces"]) == 1


@pytest.mark.parametrize("kind", ["csv", "coco", "json", "npz", "pts"])
def test_formats_go_to_files(facelm: Run, photos: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "deep" / "out"
    result = facelm("landmarks", photos / "Zoë 1.png", "--format", kind, "-o", out)
    assert result.returncode == 0 and result.stdout == ""
    if kind == "csv":
        assert out.read_text("utf-8").splitlines()[1].startswith("1,0,0.0,")
    elif kind == "coco":
        document = json.loads(out.read_text())
        (face,) = document["annotations"]
        assert len(face["keypoints"]) == 204 and face["segmentation"]["size"] == [256, 256]
    elif kind == "json":
        (record,) = json.loads(out.read_text())
        assert len(record["faces"][0]["landmarks"]) == 68
    elif kind == "npz":
        with np.load(out, allow_pickle=False) as arrays:
            assert arrays["landmarks"].shape == (1, 68, 2)
    else:
        assert (out / "Zoë 1.pts").read_text().startswith("version: 1\nn_points: 68\n")


def test_a_second_run_over_its_own_results_takes_only_the_photos(facelm: Run, photos: Path, tmp_path: Path) -> None:
    shutil.copy(photos / "Zoë 1.png", tmp_path)
    for _ in range(2):
        assert facelm("parse", tmp_path, "-o", tmp_path, "--overwrite").returncode == 0
    assert written(tmp_path) == ["Zoë 1.mask.png", "Zoë 1.png"]


def test_nothing_to_do(facelm: Run, tmp_path: Path) -> None:
    for inputs in (tmp_path, tmp_path / "*.jpg"):
        result = facelm("parse", inputs, "-o", tmp_path / "out")
        assert result.returncode == 3 and "nothing to do" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_an_input_that_failed(facelm: Run, tmp_path: Path) -> None:
    result = facelm("parse", tmp_path / "gone.jpg", "-o", tmp_path)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines() == [f"{tmp_path}/gone.jpg: no such file"]


def test_results_that_cannot_be_written_are_failures(facelm: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for command in ("parse", "landmarks"):
        result = facelm(command, photos / "nobody.jpg", "-o", tmp_path / "file" / "out")
        assert result.returncode == 1 and "cannot be written" in result.stderr
        assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["parse"], "give at least one INPUT"),
        (["parse", "x.jpg", "--no-such-option"], "No such option"),
        (["parse", "a/x.jpg", "b/x.png"], "would both write"),
        (["parse", "x.jpg", "--model", "no_such_model"], "no_such_model"),
        (["parse", "x.jpg", "--device", "abacus"], "abacus"),
        (["landmarks", "x.jpg", "--format", "pts"], "-o"),
        (["landmarks", "x.jpg", "--format", "npz"], "-o"),
        (["overlay", "x.jpg", "--opacity", "2"], "opacity"),
        (["parse", "-", "-"], "only once"),
        (["train", "--data", "x", "--size", "100"], "multiple of 32"),
    ],
)
def test_wrong_usage(facelm: Run, arguments: list[str], message: str) -> None:
    result = facelm(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr and result.stdout == ""


def test_inputs_that_would_write_the_same_file_are_told_before_anything_is_written(
    facelm: Run, photos: Path, tmp_path: Path
) -> None:
    shutil.copy(photos / "Zoë 1.png", tmp_path / "turned.png")
    done = facelm("parse", tmp_path / "turned.png", photos / "sub dir" / "turned.jpg", "-o", tmp_path / "out")
    assert done.returncode == 2 and "would both write turned.mask.png" in done.stderr
    assert not (tmp_path / "out").exists()


def test_help_and_version(facelm: Run) -> None:
    listed = facelm("--help").stdout
    own = {"train": "--encoder", "parse": "--crops", "landmarks": "--3d", "overlay": "--opacity"}
    own |= {"evaluate": "--by", "export": "MODEL", "bench": "INPUT"}
    for command, option in own.items():
        assert f" {command} " in listed
        assert option in facelm(command, "--help").stdout
    assert facelm("--version").stdout.strip().count(".") == 2


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from facelm.cli.app import app; app(['--help'], standalone_mode=False); "
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stderr))
    assert {"facelm", "typer"} <= loaded
    assert not loaded & {"numpy", "PIL", "cv2", "torch", "torchvision", "openvino", "onnx", "scipy", "skimage"}
    assert not loaded & {"segmentation_models_pytorch", "albumentations", "safetensors", "matplotlib", "pycocotools"}


def test_pictures_load_nothing_that_videos_alone_need(tmp_path: Path) -> None:
    program = (
        f"import sys; sys.argv = ['facelm', 'overlay', 'sample_images/no_face.jpg', '-o', {str(tmp_path)!r}, '-q']\n"
        "from facelm.cli.app import app\n"
        "try: app()\n"
        "except SystemExit: print(sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (tmp_path / "no_face.overlay.jpg").is_file()
    assert not set(ast.literal_eval(done.stdout)) & {"av", "scipy", "torch"}


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_commands_options_and_values(tmp_path: Path) -> None:
    def bash(script: str) -> str:
        folders = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"HOME": str(tmp_path), "PATH": folders}
        # More than one command, lest bash make way for the first: it is to be found as the shell.
        command = ["bash", "--norc", "-c", f"{script}; true"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert "bash completion installed" in bash("facelm --install-completion")
    for words, wanted in (
        (("facelm", ""), "parse landmarks overlay live train evaluate export bench report classes"),
        (("facelm", "parse", "--ov"), "--overwrite"),
        (("facelm", "landmarks", "--format", "c"), "csv coco"),
    ):
        typed = " ".join(f"'{word}'" for word in words)
        found = bash(
            f"source ~/.bashrc; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _facelm_completion facelm; "
            'echo "${COMPREPLY[@]}"'
        )
        assert found == f"{wanted}\n"


def test_help_is_shown_as_it_is_written(facelm: Run) -> None:
    """Nothing of it is taken for markup, and no option is without."""
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        shown = "".join(re.findall(r"[\w.\[\]]+", facelm(name, "--help").stdout))
        for each in command.params:
            assert each.name == "help" or each.help, f"{name} {each.name}"
            assert "".join(re.findall(r"[\w.\[\]]+", each.help)) in shown
