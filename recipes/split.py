"""Divides the labelled data into training, validation and test folders, always in the same way.

    python recipes/split.py DATA OUT

OUT/<set>/<train|val|test> are data folders for `facelm train` and `facelm evaluate`; the pictures in them are
links. No choice is made on a test folder. Who is in the test folder of FASSEG is in no other.
"""

import json
import os
import sys
from pathlib import Path

from facelm import data

FASSEG = {
    "0": ["background", "cloth", "hat"],
    "1": ["hair", "l_brow", "r_brow"],
    "2": ["skin", "l_ear", "r_ear", "neck", "eye_g", "ear_r", "neck_l"],
    "3": ["l_eye", "r_eye"],
    "4": ["nose"],
    "5": ["mouth", "u_lip", "l_lip"],
}
FASSEG_TEST = ("personne06", "personne07")
FACESYNTHETICS_TEST = 10


def link(examples, folder: Path, merged=None) -> None:
    """Make a data folder of links to examples."""
    for example in examples:
        for kind, path in (("images", example.image), ("masks", example.mask)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            target = folder / kind / path.name
            target.unlink(missing_ok=True)
            os.symlink(path.resolve(), target)
    if merged:
        (folder / "classes.json").write_text(json.dumps(merged, indent=2) + "\n")


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    train, held_out = data.split(data.find(source / "celebamask"), 0.1, 0)
    link(train, out / "celebamask/train")
    link(held_out[::2], out / "celebamask/val")
    link(held_out[1::2], out / "celebamask/test")
    heads = data.find(source / "facesynthetics")
    link(heads[:-FACESYNTHETICS_TEST], out / "facesynthetics/train")
    link(heads[-FACESYNTHETICS_TEST:], out / "facesynthetics/test")
    for example in data.find(source / "fasseg"):
        test = any(person in example.image.name for person in FASSEG_TEST)
        link([example], out / "fasseg" / ("test" if test else "train"), FASSEG)


if __name__ == "__main__":
    main()
