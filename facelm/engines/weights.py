"""The file of a model: where it is, and what it says of its network."""

from __future__ import annotations

import errno
import hashlib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open

from facelm import classes
from facelm.pictures import values

METADATA_KEY = "facelm"
"""Of the description, in the metadata of a model file and of its export."""

WEIGHTS_KEY = "facelm.weights"
"""Of the fingerprint of the model file, in the metadata of its export."""

SIZE = values.whole(32, 2048, step=32)
"""What sizes of pictures a network may be trained on."""

ENCODER = values.text(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", "the plain name of an encoder, without a source")
"""What names of encoders may be: timm takes ``hf-hub:owner/name`` for a download, ``local-dir:`` for a folder."""

_CHANNELS = values.several(values.whole(1, 1 << 16), 5, 5)
_THREE_MEANS = values.several(values.number(-1e3, 1e3), 3, 3)
_THREE_DEVIATIONS = values.several(values.number(1e-3, 1e3), 3, 3)
_RULES = {
    "encoder": ENCODER,
    "decoder_channels": _CHANNELS,
    "size": SIZE,
    "mean": _THREE_MEANS,
    "std": _THREE_DEVIATIONS,
    "classes": values.Rule("the 19 of CelebAMask-HQ, in their order", lambda names: names == classes.NAMES),
    "data": values.several(values.text()),
    "scores": values.named(values.number(0, 1)),
}
"""The one schema of what a model file says, which is checked before anything is built from it."""

_SHORTAGES = (
    *("bad_alloc", "not enough memory", "cannot allocate", "can't allocate", "out of memory", "start new thread"),
    *("failed to map", "failed to allocate", "resource temporarily unavailable"),
)
_END = 1 << 16  # bytes of a file's first and last part that its fingerprint takes in


class ModelError(Exception):
    """A model that cannot be built or loaded; the message names the file or the option, and the cause."""


@dataclass(frozen=True)
class ModelInfo:
    """What must be known of a network to use it; travels in the metadata of its file.

    Attributes:
        encoder: Name of the encoder in segmentation_models_pytorch.
        decoder_channels: Output channels of the five decoder blocks, deepest first.
        size: Width and height of the pictures it was trained on, pixels; a multiple of 32.
        mean: Mean of the input, RGB, of values from 0 to 1.
        std: Standard deviation of the input, likewise.
        classes: Names of the output channels.
        data: What it was trained on, a name for each data set.
        scores: Scores on the validation split it was chosen by, by name.
    """

    encoder: str
    decoder_channels: tuple[int, ...]
    size: int = 256
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    classes: tuple[str, ...] = classes.NAMES
    data: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> ModelInfo:
        """Read the description back from a file's metadata.

        Raises:
            ValueError: It is not such a description; the message is one line.
        """
        given = values.as_tuples(values.parse_json(text))
        values.check(given, _RULES)
        if missing := [name for name in ("encoder", "decoder_channels") if name not in given]:
            raise ValueError(f"its description lacks {missing[0]}")
        return cls(**given)


def find_shipped() -> dict[str, Path]:
    """The models that come with the program, by name."""
    package = Path(__file__).parents[1]
    # An installed wheel carries the weights inside the package, a checkout beside it.
    return {p.stem: p for d in (package.parent, package) for p in (d / "weights").glob("*.safetensors")}


def find_weights(name_or_path: str) -> Path:
    """The file of a shipped model (``tiny``, ``lite``, ``resnet50``), or of a path.

    Raises:
        ModelError: There is neither such a model nor such a file.
    """
    shipped = find_shipped()
    path = shipped.get(name_or_path, Path(name_or_path))
    if not path.is_file():
        raise ModelError(f"{name_or_path}: no such file, and no shipped model ({', '.join(sorted(shipped))})")
    return path


def read_info(path: Path) -> ModelInfo:
    """What a model file says of its network.

    Raises:
        ModelError: The file is damaged, or not a model of facelm's.
    """
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
        if METADATA_KEY not in metadata:
            raise ModelError(f"{path}: a safetensors file, but not a model that facelm trained")
        return ModelInfo.from_json(metadata[METADATA_KEY])
    except (SafetensorError, OSError, ValueError) as error:
        raise unfit(path, error) from error


def exported_path(path: Path) -> Path:
    """Where the export of a model file is, if there is one."""
    return path.with_suffix(".onnx")


def quantised_path(path: Path) -> Path:
    """Where the eight-bit export of a model file is, if there is one."""
    return path.with_suffix(".int8.onnx")


def fingerprint(path: Path) -> str:
    """By which an export that refers to a model file is known to be of it: SHA-256 of its name, size and both ends.

    At the one end a model file has its description and where its tensors are, at the other the last layers.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        first = file.read(_END)
        file.seek(max(0, size - _END))
        return hashlib.sha256(f"{path.name} {size} ".encode() + first + file.read()).hexdigest()


def unfit(path: Path, error: BaseException) -> ModelError:
    """What is said of a file that is not a model which can be loaded.

    Raises:
        MemoryError: It may be one, and the machine lacks memory or threads.
    """
    shipped = path.parent in {each.parent for each in find_shipped().values()}
    if is_shortage(error) or (shipped and isinstance(error, RuntimeError)):  # of which OpenVINO tells little
        raise MemoryError(f"{path}: too little memory, or too few threads, to load it") from error
    return ModelError(f"{path}: not a model that facelm can load ({first_line(error)})")


def is_shortage(error: BaseException) -> bool:
    """Whether an error says that the machine has no more memory, or may start no more threads."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, (RuntimeError, ImportError, OSError, SystemError)) and any(
        words in str(error).lower() for words in _SHORTAGES
    )


def first_line(error: BaseException) -> str:
    """What an error of a library says, in one short line."""
    lines = (str(error).strip() or type(error).__name__).splitlines()
    # PyTorch begins with a headline, "Error(s) in loading state_dict for Unet:", and then says what is wrong.
    told = lines[1] if lines[0].endswith(":") and len(lines) > 1 else lines[0]
    return textwrap.shorten(told, 160, placeholder=" ...")
