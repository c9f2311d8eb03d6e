"""Runs the command line over a folder of good and bad files, kills it on the way, goes on, and accounts for each file.

    python bench/mixed.py FOLDER [COUNT]

Pictures of FOLDER are spoiled in eight ways, or stored in twelve formats, until there are COUNT files (2,000), and
`facelm parse` is run over them. Every file must come to exactly one end: a mask of its size, or an error that names it.
Prints how many there are of each kind, and fails where a file has none or two, or where anything else is left.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

SEED = 0
SHARE_OF_GOOD = 0.6


def save(**options: object) -> Callable[[Image.Image, Path], None]:
    """Stores a picture in the format of the file's name."""
    return lambda picture, path: picture.save(path, **options)


def store(mode: str) -> Callable[[Image.Image, Path], None]:
    """Stores a picture in another colour mode."""
    return lambda picture, path: picture.convert(mode).save(path)


def rotated(picture: Image.Image, path: Path) -> None:
    """Stores a picture that EXIF says is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)


def deep(picture: Image.Image, path: Path) -> None:
    """Stores 16 bits a pixel."""
    Image.fromarray(np.array(picture.convert("L")).astype(np.uint16) * 257).save(path)


def cut(picture: Image.Image, path: Path) -> None:
    """Leaves the end of the file off."""
    picture.save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


GOOD = {
    "jpg": save(quality=90),
    "png": save(),
    "webp": save(),
    "bmp": save(),
    "grey.jpg": store("L"),
    "cmyk.jpg": store("CMYK"),
    "alpha.png": store("RGBA"),
    "palette.gif": store("P"),
    "deep.png": deep,
    "turned.jpg": rotated,
    "tif": save(),
    "jpg.jpeg": save(progressive=True),
}
BAD = {
    "empty.jpg": lambda picture, path: path.touch(),
    "text.png": lambda picture, path: path.write_text("This is no picture.\n"),
    "cut.jpg": cut,
    "cut.png": cut,
    "noise.jpg": lambda picture, path: path.write_bytes(np.random.default_rng(SEED).bytes(5000)),
    "gone.jpg": lambda picture, path: path.symlink_to(path.with_name("nowhere.jpg")),
    "loop.png": lambda picture, path: path.symlink_to(path),
    "huge.png": lambda picture, path: Image.new("1", (20_000, 20_000)).save(path),
}


def main(source: str, count: int) -> None:
    """Make the files, run, kill, run again, and account for them."""
    with tempfile.TemporaryDirectory() as temporary:
        photos, out = Path(temporary) / "photos", Path(temporary) / "masks"
        sizes = make(sorted(Path(source).glob("*.jpg")), photos, count)
        command = [sys.executable, "-m", "facelm", "parse", str(photos), "-o", str(out), "--quiet"]
        begun = time.monotonic()
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as running:
            while running.poll() is None and len(list(out.rglob("*.mask.png"))) < len(sizes) // 3:
                time.sleep(0.2)
            running.kill()
        manifest = Path(temporary) / "manifest.jsonl"
        done = subprocess.run(
            [*command, "--skip-existing", "--manifest", str(manifest)], capture_output=True, text=True
        )
        seconds = time.monotonic() - begun
        account(photos, out, manifest, sizes, done)
    Console().print(f"{count} files in {seconds:.0f} s, with one kill; exit status {done.returncode}")


def make(pictures: list[Path], photos: Path, count: int) -> dict[Path, tuple[int, int] | None]:
    """Write the files; gives the size that each one's mask must have, None for the bad."""
    rng = np.random.default_rng(SEED)
    sizes: dict[Path, tuple[int, int] | None] = {}
    for number in range(count):
        good = rng.random() < SHARE_OF_GOOD
        kinds = GOOD if good else BAD
        kind = str(rng.choice(list(kinds)))
        picture = Image.open(pictures[number % len(pictures)]).convert("RGB")
        side = int(rng.integers(96, 480))
        picture = picture.resize((side, round(side * float(rng.uniform(0.8, 1.25)))))
        path = photos / f"{number % 7}" / f"{number:05}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        kinds[kind](picture, path)
        sizes[path] = picture.size if good else None
    return sizes


def account(
    photos: Path,
    out: Path,
    manifest: Path,
    sizes: dict[Path, tuple[int, int] | None],
    done: subprocess.CompletedProcess[str],
) -> None:
    """Check that each file came to one end, and print how many did to which."""
    told = [json.loads(line) for line in manifest.read_text().splitlines()]
    errors = {Path(line["image"]): line["error"] for line in told if "error" in line}
    assert len(errors) == sum("error" in line for line in told), "a file has two errors"
    ends: Counter[tuple[str, str]] = Counter()
    masks = set()
    for path, size in sizes.items():
        mask = (out / path.relative_to(photos)).with_suffix(".mask.png")
        kind = path.name.split(".", 1)[1]
        if size is None:
            assert path.name in errors[path] and errors[path] in done.stderr, path
            assert not mask.exists(), path
            ends[kind, "error"] += 1
        else:
            assert path not in errors, errors[path]
            with Image.open(mask) as opened:
                assert opened.size == size and opened.mode == "P", path
                opened.load()
            masks.add(mask)
            ends[kind, "mask"] += 1
    assert {path for path in out.rglob("*") if path.is_file()} == masks, "something else is left"
    assert done.returncode == 1
    table = Table("kind", "files", "end")
    for (kind, end), files in sorted(ends.items(), key=lambda item: (item[0][1], item[0][0])):
        table.add_row(kind, str(files), end)
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000)
