"""The engine of OpenVINO: exported networks on the CPU."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facelm.engines.caches import compile_kept
from facelm.engines.ways import EIGHT, HALF, SINGLE, pick_way
from facelm.engines.weights import (
    METADATA_KEY,
    WEIGHTS_KEY,
    ModelError,
    ModelInfo,
    exported_path,
    find_shipped,
    fingerprint,
    first_line,
    quantised_path,
    read_info,
    unfit,
)

# OpenVINO tells its makers of each import, and takes twice the time, unless its converter cannot be imported.
_CONVERTER = "openvino.tools.ovc"
_unknown = _CONVERTER not in sys.modules
sys.modules.setdefault(_CONVERTER, None)  # type: ignore[arg-type]
try:
    import openvino
    from openvino import opset13 as operations
    from openvino.preprocess import PrePostProcessor
finally:
    if _unknown:
        del sys.modules[_CONVERTER]

_MOST_FOR_A_PIXEL = 256  # numbers that a layer computes
_TOGETHER = 2 * 256**2  # pixels of pictures up to which several at once are faster than one by one, on a CPU
_TRIAL = np.zeros((1, 192, 192, 3), np.uint8)  # what each way is timed with
_METADATA = "framework"  # where OpenVINO keeps the metadata of ONNX

# OpenVINO's first look at an array sets up its use of NumPy. Two threads that come to that at once wait for each other
# for ever, so it is done here, where there is one.
_FIRST_LOOK = openvino.Tensor(np.zeros(1, np.float32)).data

CORE = openvino.Core()
"""The only one, and never dropped.

On processors with AMX a core gives the thread a stack for signals, and takes it away when it goes. Of two that go in
the order in which they came, the second leaves a stack that is not there, and the next signal ends the process.
"""


def read(path: Path) -> openvino.Model:
    """Read an ONNX file.

    Raises:
        facelm.ModelError: It cannot be read.
    """
    try:
        return CORE.read_model(path)
    except (RuntimeError, OSError) as error:
        raise ModelError(f"{path}: cannot be read as ONNX ({first_line(error)})") from error


def read_metadata(model: openvino.Model, key: str) -> str:
    """An entry of the metadata of an ONNX file; empty if there is none."""
    place = [_METADATA, key]
    return str(model.get_rt_info(place).astype(str)) if model.has_rt_info(place) else ""


class Network:
    """A network that is ready to run on this processor; several threads may call it at once.

    Args:
        model: The network.
        exact: Compute in single precision, also where the processor is faster in bfloat16.
        threads: How many will call it at once. Two share processors and memory: while one computes here, the other
            does something else.
        keep: Keep what it is compiled to in the user's cache folder: the next process is ready sooner.
    """

    def __init__(self, model: openvino.Model, exact: bool, threads: int = 1, keep: bool = False) -> None:
        hints: dict[str, str | int] = {"PERFORMANCE_HINT": "LATENCY"}
        if threads > 1:
            hints = {"PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": max(1, threads // 2)}
        _check_threads()
        if exact:
            hints["INFERENCE_PRECISION_HINT"] = "f32"
        self._compiled = _compile_kept(model, hints) if keep else CORE.compile_model(model, "CPU", hints)
        self._idle: list[openvino.InferRequest] = []

    def __call__(self, *values: ArrayLike) -> list[NDArray[np.float32]]:
        """The outputs for the inputs."""
        return self.start(*values)()

    def start(self, *values: ArrayLike) -> Callable[[], list[NDArray[np.float32]]]:
        """Begin to compute; what comes back waits for the outputs."""
        try:
            request = self._idle.pop()
        except IndexError:  # as many requests as are computed at once: each keeps memory for what it computes
            request = self._compiled.create_infer_request()
        request.start_async(list(values))

        def finish() -> list[NDArray[np.float32]]:
            request.wait()
            found = [request.get_tensor(output).data.copy() for output in self._compiled.outputs]
            self._idle.append(request)
            return found

        return finish


@cache
def _check_threads() -> None:
    """Make sure that as many threads can be started as OpenVINO will start: where it cannot, it waits for ever.

    Raises:
        RuntimeError: They cannot.
    """
    done = threading.Event()
    threads = [threading.Thread(target=done.wait, daemon=True) for _ in range(2 * (os.cpu_count() or 1) + 2)]
    started = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
    finally:
        done.set()
        for thread in started:
            thread.join()


def _compile_kept(model: openvino.Model, hints: dict[str, str | int]) -> openvino.CompiledModel:
    """Compile a network, or take what an earlier process compiled of the same one, for the same processor."""
    made_of = read_metadata(model, WEIGHTS_KEY)  # lite and tiny have the same layers
    what = (openvino.get_version(), made_of, len(model.get_ops()), str(model.inputs), sorted(hints.items()))
    key = hashlib.sha256(repr(what).encode()).hexdigest()[:32]
    return compile_kept(
        lambda folder: CORE.compile_model(model, "CPU", hints | ({"CACHE_DIR": folder} if folder else {})), key
    )


def keep_output(model: openvino.Model, name: str) -> openvino.Model:
    """The part of a network that one of its outputs needs."""
    return openvino.Model([model.output(name).node.input_value(0)], model.get_parameters())


def take_pixels(model: openvino.Model) -> PrePostProcessor:
    """Let a network whose first input is RGB (N, 3, H, W) float32 take pictures as they are, (N, H, W, 3) uint8."""
    steps = PrePostProcessor(model)
    steps.input(0).tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input(0).model().set_layout(openvino.Layout("NCHW"))
    return steps


def check_layers(model: openvino.Model, info: ModelInfo) -> None:
    """Make sure that a network takes pictures, gives logits, and computes nothing larger on the way than a U-Net does.

    Raises:
        ValueError: It does not.
    """
    trial = model.clone()
    if len(trial.inputs) != 1 or len(trial.outputs) != 1:
        raise ValueError("wanted are one input and one output")
    trial.reshape([1, 3, info.size, info.size])
    if trial.output().partial_shape != openvino.PartialShape([1, len(info.classes), info.size, info.size]):
        raise ValueError(f"its output is {trial.output().partial_shape}, not {len(info.classes)} logits for each pixel")
    constants = [layer.output(0).shape for layer in trial.get_ops() if layer.get_type_name() == "Constant"]
    most = max([_MOST_FOR_A_PIXEL * info.size**2, *(np.prod(shape, dtype=float) for shape in constants)])
    for layer in trial.get_ops():
        for output in layer.outputs():
            if output.partial_shape.is_dynamic or np.prod(output.shape, dtype=float) > most:
                raise ValueError(f"{layer.friendly_name} is too large, {output.partial_shape}")


class OpenVinoEngine:
    """Runs an exported parsing network.

    Args:
        model: What `read` made of the ONNX file that ``facelm export`` wrote.
        way: One of `facelm.engines.ways`.
        threads: How many will call it at once.
        keep: See `Network`.

    Raises:
        ValueError: The file says something else of its network than facelm writes.
    """

    def __init__(self, model: openvino.Model, way: str = HALF, threads: int = 1, keep: bool = False) -> None:
        self.info = ModelInfo.from_json(read_metadata(model, METADATA_KEY))
        self.way = way
        if not keep:
            check_layers(model, self.info)
        from facelm.engines.upsampling import fold_upsampling

        fold_upsampling(model)
        steps = take_pixels(model)
        # Here, for a model made anew gets a number that differs between processes, and then it would not be kept.
        steps.output().postprocess().custom(lambda logits: operations.softmax(logits, 1).output(0))
        # In bfloat16 OpenVINO does not compile what is half of it in eight bits.
        self._network = Network(steps.build(), way != HALF, threads, keep)

    def predict(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `facelm.engines.engine.Engine`."""
        step = max(1, _TOGETHER // (rgb.shape[1] * rgb.shape[2]))
        parsed = [self._network(rgb[start : start + step])[0] for start in range(0, len(rgb), step)]
        return parsed[0] if len(parsed) == 1 else np.concatenate(parsed)


def open_export(weights: Path, threads: int) -> OpenVinoEngine | None:
    """The engine of what was exported of a model file; None where there is nothing that was made from it as it is now.

    Raises:
        facelm.ModelError: An ONNX file is damaged.
    """
    ways = [*find_ways(), *([EIGHT] if quantised_path(weights).is_file() else [])]

    def prepare(way: str) -> Callable[[], object] | None:
        engine = _open_way(weights, way, 1)
        return partial(engine.predict, _TRIAL) if engine else None

    way = pick_way(describe_processor() + fingerprint(weights), ways, prepare)
    return _open_way(weights, way, threads) or _open_way(weights, SINGLE, threads)


def _open_way(weights: Path, way: str, threads: int) -> OpenVinoEngine | None:
    path, remedy = exported_path(weights), f"facelm export {weights} --overwrite writes it again"
    if way == EIGHT:
        path, remedy = quantised_path(weights), "facelm works without it"
    shipped = weights in find_shipped().values()
    try:
        if not path.is_file() or not (shipped or _may_be_read(path, weights)):
            return None
        model = read(path)
        if read_metadata(model, WEIGHTS_KEY) != fingerprint(weights):
            return None
        engine = OpenVinoEngine(model, way, threads, keep=shipped)
    except ModelError as error:
        raise ModelError(f"{error}; {remedy}") from error
    except (RuntimeError, ValueError) as error:
        raise unfit(path, error) from error
    if engine.info != read_info(weights):
        raise ModelError(f"{path}: says something else of its network than {weights}; {remedy}")
    return engine


def _may_be_read(path: Path, weights: Path) -> bool:
    """Whether an ONNX file that somebody else may have made is of a model file.

    Raises:
        facelm.ModelError: It is, and not as it should be.
    """
    from facelm.engines.graphs import check_graph

    try:
        return check_graph(path, weights)
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: cannot be read as ONNX ({first_line(error)})") from error


def find_ways() -> list[str]:
    """The ways in which this processor computes a network of floating point numbers; bfloat16 comes first."""
    capabilities = CORE.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return [SINGLE] if {"BF16", "FP16"}.isdisjoint(capabilities) else [HALF, SINGLE]


def describe_processor() -> str:
    """The processor, and what computes on it."""
    return f"{CORE.get_property('CPU', 'FULL_DEVICE_NAME')} {os.cpu_count()} {openvino.get_version()} "
