"""Times facelm and what people would use in its place, on the same pictures, in alternating rounds.

    python bench/peers.py [--peers PYTHON] PICTURE...

Each is a process of its own that loads, warms up, and then times every picture, from pixels in memory to its result.
PYTHON is the interpreter of an environment with ``mediapipe==0.10.14`` and ``dlib-bin``, which may need another NumPy;
without it they are left out. BiSeNet has random weights, and dlib's shape predictor is trained here on noise: their
time does not depend on what they have learned. The last rows are whole processes, from the command to the last byte.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROUNDS = 5
WARM = 3
SIDE = 512

Picture = NDArray[np.uint8]


def facelm_lite() -> Callable[[Picture], object]:
    """Mask and 68 landmarks of all faces."""
    return _facelm("lite")


def facelm_tiny() -> Callable[[Picture], object]:
    """The same with the smaller model."""
    return _facelm("tiny")


def facelm_resnet50() -> Callable[[Picture], object]:
    """The same with the larger model."""
    return _facelm("resnet50")


def _facelm(model: str) -> Callable[[Picture], object]:
    from facelm import FaceParser, find_landmarks, paste

    parser = FaceParser(model, "cpu")

    def run(rgb: Picture) -> object:
        faces = parser.parse(rgb)
        return paste(faces, *rgb.shape[:2]), [find_landmarks(face) for face in faces]

    return run


def bisenet_resnet18() -> Callable[[Picture], object]:
    """A mask of the whole picture at 512 px (Yu et al., ECCV 2018), as PyTorch runs it."""
    import torch
    from timm import create_model
    from torch import nn
    from torch.nn.functional import interpolate

    class Block(nn.Sequential):
        def __init__(self, channels: int, out: int, kernel: int = 3, stride: int = 1) -> None:
            convolution = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
            super().__init__(convolution, nn.BatchNorm2d(out), nn.ReLU())

    class Attention(nn.Module):
        def __init__(self, channels: int, out: int) -> None:
            super().__init__()
            self.block = Block(channels, out)
            self.weigh = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(out, out, 1), nn.BatchNorm2d(out), nn.Sigmoid()
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.block(x)
            return x * self.weigh(x)

    class BiSeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.context = create_model("resnet18", features_only=True, out_indices=(2, 3, 4))
            self.deep, self.middle = Attention(512, 128), Attention(256, 128)
            self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), Block(512, 128, 1))
            self.after_deep, self.after_middle = Block(128, 128), Block(128, 128)
            self.fuse = Block(256, 256, 1)
            self.weigh = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(256, 64, 1), nn.ReLU(), nn.Conv2d(64, 256, 1), nn.Sigmoid()
            )
            self.head = nn.Sequential(Block(256, 256), nn.Conv2d(256, 19, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            fine, middle, deep = self.context(x)
            down = self.after_deep(interpolate(self.deep(deep) + self.whole(deep), middle.shape[2:]))
            down = self.after_middle(interpolate(self.middle(middle) + down, fine.shape[2:]))
            fused = self.fuse(torch.cat([fine, down], 1))
            fused = fused + fused * self.weigh(fused)
            return interpolate(self.head(fused), x.shape[2:], mode="bilinear", align_corners=True)

    network = BiSeNet().eval()

    @torch.inference_mode()
    def run(rgb: Picture) -> object:
        x = (torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255 - 0.45) / 0.22
        return network(x).argmax(1).numpy()

    return run


def mediapipe_mesh() -> Callable[[Picture], object]:
    """478 points of one face, no mask."""
    import mediapipe

    return mediapipe.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=1).process


def dlib_ert() -> Callable[[Picture], object]:
    """68 points of all faces, no mask."""
    import dlib

    detect = dlib.get_frontal_face_detector()
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 256, (200, 200), np.uint8) for _ in range(4)]
    box = dlib.rectangle(40, 40, 160, 160)
    marked = [
        [dlib.full_object_detection(box, [dlib.point(*map(int, noise.integers(45, 155, 2))) for _ in range(68)])]
        for _ in pictures
    ]
    options = dlib.shape_predictor_training_options()
    options.oversampling_amount, options.num_test_splits = 5, 1
    options.num_threads = 2
    predict = dlib.train_shape_predictor(pictures, marked, options)
    return lambda rgb: [predict(rgb, face) for face in detect(rgb, 0)]


OURS = [facelm_lite, facelm_tiny, facelm_resnet50, bisenet_resnet18]
PEERS = [mediapipe_mesh, dlib_ert]


def main() -> None:
    """Time all, and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("pictures", nargs="+")
    arguments.add_argument("--peers", metavar="PYTHON")
    arguments.add_argument("--worker", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.worker:
        next(work(each, given.pictures) for each in OURS + PEERS if each.__name__ == given.worker)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        pictures = shrink(given.pictures, Path(folder))
        runs: dict[str, Callable[[], float]] = {
            each.__name__: lambda python=python, name=each.__name__: ask(python, name, pictures)
            for python, those in ((sys.executable, OURS), (given.peers, PEERS))
            for each in those
            if python
        }
        for command in ("landmarks", "parse"):
            runs[f"facelm {command} (process)"] = lambda command=command: clock(command, pictures[0], folder)
        times: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(ROUNDS):
            for name, run in runs.items():
                try:
                    times[name].append(run())
                except subprocess.CalledProcessError as error:
                    console.print(f"{name} left out: {error.stderr.strip().splitlines()[-1]}", markup=False)
        table = Table("", "median, ms", "least", "most", "of BiSeNet's time")
        reference = median(times["bisenet_resnet18"])
        for name, found in times.items():
            if found:
                share = f"{median(found) / reference:.2f}"
                table.add_row(name, *(f"{value:.1f}" for value in (median(found), min(found), max(found))), share)
        console.print(table)


def shrink(names: Sequence[str], folder: Path) -> list[str]:
    """Copies of pictures, their longer side 512 px."""
    from PIL import Image

    paths = []
    for number, name in enumerate(names):
        with Image.open(name) as picture:
            scale = SIDE / max(picture.size)
            small = picture.convert("RGB").resize([round(side * scale) for side in picture.size])
        paths.append(str(folder / f"{number}.png"))
        small.save(paths[-1])
    return paths


def ask(python: str, name: str, pictures: Sequence[str]) -> float:
    """The median milliseconds for a picture, from a process of its own."""
    command = [python, __file__, "--worker", name, *pictures]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def clock(command: str, picture: str, out: str) -> float:
    """Milliseconds for a whole process."""
    options = ["-o", out, "--overwrite"] if command == "parse" else []
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "facelm", command, picture, *options], capture_output=True, check=True)
    return 1e3 * (time.perf_counter() - begun)


def work(make: Callable[[], Callable[[Picture], Any]], names: Sequence[str]) -> None:
    """Time a tool on pictures, and print the median in milliseconds."""
    from PIL import Image

    run = make()
    pictures = [np.array(Image.open(name)) for name in names]
    for picture in (pictures * WARM)[: max(WARM, len(pictures))]:
        run(picture)
    times = []
    for picture in pictures:
        begun = time.perf_counter()
        run(picture)
        times.append(1e3 * (time.perf_counter() - begun))
    print(json.dumps(median(times)))


if __name__ == "__main__":
    main()
