"""Divides the data into training, validation and test folders, always in the same way.

    python recipes/split.py DATA OUT

OUT/<set>/<train|val|test> are folders for `facelm train` and `facelm evaluate`; the pictures in them are links.
Who is in the test folder of FASSEG is in no other. What the test folders were used for is in the model card.

DATA holds these folders; where not said otherwise, images/ and masks/ with the same stems, masks of the 19 classes:

    celebamask      aligned portraits of CelebAMask-HQ
    facesynthetics  rendered heads, with landmarks70.json: iBUG's 68 points and the pupils
    fasseg          FASSEG's multipose01, masks of its six classes
    aflw            images/ of AFLW2000-3D, with landmarks68.json
    frl             images/ of the Face Research Lab London Set, with landmarks189.json and people.csv
    backgrounds     photos without people, in the folder itself
    celebamask_more further portraits of CelebAMask-HQ
    landmarks_300w  images/ of 300-W's LFPW, HELEN and AFW, with landmarks68.json
    photos          images/ of everyday photographs with faces.json; negatives/ without people, with negatives.json
    hands           images/ of hands, with hands.json: 21 points of each

Other recipes also read youtube_faces (images/ and landmarks68.json) and encoders/mobilenet_v2_imagenet.pth; the bench
reads scenes (images/ and faces.json).
"""

import json
import shutil
import sys
import zlib
from pathlib import Path

import numpy as np
import skimage.color

from facelm import classes
from facelm.training import data

RARE = set(classes.indices("eye_g", "hat", "neck_l"))
FACESYNTHETICS_TEST = 10
FASSEG_TEST = ("personne06", "personne07")
FASSEG = {
    "0": ["background", "cloth", "hat"],
    "1": ["hair", "l_brow", "r_brow"],
    "2": ["skin", "l_ear", "r_ear", "neck", "eye_g", "ear_r", "neck_l"],
    "3": ["l_eye", "r_eye"],
    "4": ["nose"],
    "5": ["mouth", "u_lip", "l_lip"],
}
BACKGROUNDS_EVERY = 6
AFLW_EVERY = 3
HELD_OUT_OF_TEN = {0: "test", 1: "val"}
NEGATIVES_EVERY = 8
MORE_EVERY = 24
# Photographs are held out by where they come from, since pictures of one origin are alike.
PHOTO_ORIGINS = {
    "val": {
        "humanseg", "mmpose", "u2net", "oldpeople", "coco_cwm", "tfpose", "uniface", "exifs", "photoprism",
        "vlad_human", "codeformer",
    },
    "test": {
        "skindet", "dagdelen", "pennfudan", "jetson", "p3m", "thang", "ssdtf", "lemon", "azure", "fairface",
        "vladfaceapi", "pipnet", "ultra", "voc_cartucho", "imageai", "detectron", "gfm", "faced",
    },
}  # fmt: skip
# Faces of dogs and a pumpkin, which a detector took for people.
NOT_HUMAN = ("0577.webp", "0728.webp", "1525.webp", "1539.webp")
# Which of the 189 points of FRL an iBUG point is, from 17 on; None where there is none. Pairs are averaged.
FRL: list[tuple[int, ...] | None] = [
    *((i,) for i in (71, 72, 73, 74)), (75, 76), (77, 78), *((i,) for i in (79, 80, 81, 82)),
    (51, 57), (52, 58), (53, 59), (54, 60), *((i,) for i in (64, 180, 55, 181, 69)),
    *((i,) for i in (18, 19, 21, 22, 30, 28, 23, 24, 26, 27, 33, 31)),
    *((i,) for i in (87, 88, 89, 90, 91, 92, 93, 108, 107, 106, 105, 104)),
    None, *((i,) for i in (95, 96, 97)), None, *((i,) for i in (102, 101, 100)),
]  # fmt: skip
FRL_CHIN = 129
FRL_JAW = (109, 185, 110, 186, 111, *range(125, 134), 114, 188, 113, 187, 112)
# The held-out portraits of CelebAMask-HQ on which a man is seen, as it appears to us; the first digits of the names.
MEN = (
    "02ff", "19c1", "2462", "3213", "40cc", "5162", "5c4a57", "5c4ac8", "6654", "7e8b", "82a0", "8567", "8e37", "afc4",
    "c12d", "d87b", "0423", "1b64", "1d07", "21f4", "27c5", "29a7", "3050", "5257", "5766", "5c69", "854c", "8764",
    "ae5a", "b07b", "c4eb", "de06", "df8c", "eedd", "f166", "f41a",
)  # fmt: skip


def split_masks(source: Path, out: Path) -> None:
    """CelebAMask-HQ, FaceSynthetics and FASSEG."""
    train, held_out = data.split(data.find(source / "celebamask"), 0.1, 0)
    # Sorted by the rare things that they show, so that either half has its share.
    held_out.sort(key=lambda example: sorted(set(np.unique(example.read()[1]).tolist()) & RARE), reverse=True)
    link_examples(train, out / "celebamask/train")
    for name, examples in (("val", held_out[::2]), ("test", held_out[1::2])):
        link_examples(examples, out / "celebamask" / name)
        describe_people(examples, out / "celebamask" / name / "people.csv")
    heads = data.find(source / "facesynthetics")
    link_examples(heads[:-FACESYNTHETICS_TEST], out / "facesynthetics/train")
    link_examples(heads[-FACESYNTHETICS_TEST:], out / "facesynthetics/test")
    points = json.loads((source / "facesynthetics/landmarks70.json").read_text())
    for name, some in (("train", heads[:-FACESYNTHETICS_TEST]), ("test", heads[-FACESYNTHETICS_TEST:])):
        known = {example.image.name: points[example.image.name][:68] for example in some}
        write(out / "facesynthetics" / name / "landmarks68.json", known)
    for example in data.find(source / "fasseg"):
        folder = "test" if any(person in example.image.name for person in FASSEG_TEST) else "train"
        link_examples([example], out / "fasseg" / folder)
        write(out / "fasseg" / folder / "classes.json", FASSEG)


def describe_people(examples: list[data.Example], path: Path) -> None:
    """Sex as it appears, and skin tone as individual typology angle (Chardon et al. 1991; low is dark), degrees."""
    lines = ["image,sex,skin_tone"]
    for example in examples:
        rgb, mask = example.read()
        lightness, _, yellow = np.median(skimage.color.rgb2lab(rgb)[mask == classes.INDEX["skin"]], 0)
        tone = np.degrees(np.arctan2(lightness - 50, yellow))
        lines.append(f"{example.image.name},{'man' if example.image.name.startswith(MEN) else 'woman'},{tone:.1f}")
    path.write_text("\n".join(lines) + "\n")


def split_points(source: Path, out: Path) -> None:
    """FRL and AFLW."""
    frl = json.loads((source / "frl/landmarks189.json").read_text())
    pictures = data.find_pictures(source / "frl/images")
    for name, paths in (("train", pictures[::2]), ("test", pictures[1::2])):
        folder = out / "frl" / name
        link_pictures(paths, folder / "images")
        shutil.copy(source / "frl/people.csv", folder)
        write(folder / "landmarks68.json", {path.name: to_ibug(frl[path.name]) for path in paths})
        write(folder / "jawlines.json", {path.name: [frl[path.name][i] for i in FRL_JAW] for path in paths})
    aflw = json.loads((source / "aflw/landmarks68.json").read_text())
    pictures = data.find_pictures(source / "aflw/images")
    test = pictures[::AFLW_EVERY]
    for name, paths in (("train", sorted(set(pictures) - set(test))), ("test", test)):
        link_pictures(paths, out / "aflw" / name / "images")
        write(out / "aflw" / name / "landmarks68.json", {path.name: aflw[path.name] for path in paths})


def split_300w(source: Path, out: Path) -> None:
    """300-W's LFPW, HELEN and AFW; faces of one photograph stay together."""
    folder = source / "landmarks_300w"
    parts: dict[str, dict[str, list[list[float]]]] = {"train": {}, "val": {}, "test": {}}
    for name, points in json.loads((folder / "landmarks68.json").read_text()).items():
        photograph = Path(name).stem.rsplit("_", 1)[0] if name.startswith("afw") else Path(name).stem
        parts[HELD_OUT_OF_TEN.get(zlib.crc32(photograph.encode()) % 10, "train")][name] = points
    for part, known in parts.items():
        link_pictures([folder / "images" / name for name in known], out / "landmarks_300w" / part / "images")
        write(out / "landmarks_300w" / part / "landmarks68.json", known)


def split_more_masks(source: Path, out: Path) -> None:
    """The further portraits of CelebAMask-HQ."""
    examples = data.find(source / "celebamask_more")
    for number, part in ((0, "test"), (1, "val")):
        link_examples(examples[number::MORE_EVERY], out / "celebamask_more" / part)
    rest = [example for number, example in enumerate(examples) if number % MORE_EVERY > 1]
    link_examples(rest, out / "celebamask_more/train")


def split_photos(source: Path, out: Path) -> None:
    """Everyday photographs and photos without people: boxes and points of the faces, and boxes that are in doubt."""
    photos = source / "photos"
    parts: dict[str, dict[str, dict[str, object]]] = {"train": {}, "val": {}, "test": {}}
    for name, entry in json.loads((photos / "faces.json").read_text()).items():
        part = next((part for part, origins in PHOTO_ORIGINS.items() if entry["set"] in origins), "train")
        faces = [] if name in NOT_HUMAN else entry["faces"]
        sure = [face for face in faces if not face["uncertain"]]
        parts[part][name] = {
            "boxes_xyxy": [face["box"] for face in sure],
            "points": [face["points"] for face in sure],
            "unsure_xyxy": [face["box"] for face in faces if face["uncertain"]],
            "complete": entry["complete"],
        }
    for number, name in enumerate(json.loads((photos / "negatives.json").read_text())):
        part = {0: "test", 1: "val"}.get(number % NEGATIVES_EVERY, "train")
        parts[part][f"no_face_{name}"] = {"boxes_xyxy": [], "points": [], "unsure_xyxy": [], "complete": True}
    for part, known in parts.items():
        folder = out / "photos" / part
        for name in known:
            empty = name.startswith("no_face_")
            path = photos / "negatives" / name.removeprefix("no_face_") if empty else photos / "images" / name
            link(path, folder / "images" / name)
        write(folder / "faces.json", known)


def split_backgrounds(source: Path, out: Path) -> None:
    """Photos without people: to paste scenes on, and to test that nobody is found."""
    pictures = data.find_pictures(source / "backgrounds")
    test = pictures[::BACKGROUNDS_EVERY]
    link_pictures(sorted(set(pictures) - set(test)), out / "backgrounds/train")
    link_pictures(test, out / "backgrounds/test/images")
    write(out / "backgrounds/test/faces.json", {path.name: {"boxes_xyxy": [], "complete": True} for path in test})


def split_hands(source: Path, out: Path) -> None:
    """Hands; of each origin the first tenth is held out, since pictures that follow one another are alike."""
    entries = json.loads((source / "hands/hands.json").read_text())
    origins = sorted({name.partition("_")[0] for name in entries})
    for origin in origins:
        names = sorted(name for name in entries if name.partition("_")[0] == origin)
        tenth = len(names) // 10
        for part, some in (("test", names[:tenth]), ("val", names[tenth : 2 * tenth]), ("train", names[2 * tenth :])):
            link_pictures([source / "hands/images" / name for name in some], out / "hands" / part / "images")
            path = out / "hands" / part / "hands.json"
            known = json.loads(path.read_text()) if path.exists() else {}
            write(path, known | {name: entries[name] for name in some})


def to_ibug(points: list[list[float]]) -> list[list[float] | None]:
    """The 68 iBUG points among those of FRL; of the jaw there is only the chin."""
    jaw = [points[FRL_CHIN] if i == 8 else None for i in range(17)]
    return jaw + [np.mean([points[i] for i in which], 0).tolist() if which else None for which in FRL]


def link_examples(examples: list[data.Example], folder: Path) -> None:
    """Make a data folder of links to examples."""
    link_pictures([example.image for example in examples], folder / "images")
    link_pictures([example.mask for example in examples if example.mask], folder / "masks")


def link_pictures(paths: list[Path], folder: Path) -> None:
    """Make a folder of links to pictures."""
    for path in paths:
        link(path, folder / path.name)


def link(path: Path, place: Path) -> None:
    """Make a link to a picture."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(path.resolve())


def write(path: Path, content: object) -> None:
    """Write JSON."""
    path.write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    steps = split_masks, split_more_masks, split_points, split_300w, split_photos, split_backgrounds, split_hands
    for split in steps:
        split(Path(sys.argv[1]), Path(sys.argv[2]))
