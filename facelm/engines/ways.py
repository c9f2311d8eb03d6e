"""The way in which a network is computed: in sixteen bits, in single precision or in eight bits.

Whether a processor has a kind of number does not say that it is quick with it: of those that have bfloat16, some
compute in it twice as fast as in single precision, and others slower than in eight bits. So each way is timed, once for
each machine and network, and the quickest is kept, beside what was compiled: results of one machine stay the same.
"""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from facelm.engines.caches import keep_note
from facelm.engines.weights import ModelError

HALF, SINGLE, EIGHT = "half", "single", "eight"

VARIABLE = "FACELM_PRECISION"
"""The environment variable that sets the way."""

_RUNS = 4
_CPUINFO = Path("/proc/cpuinfo")


def pick_way(what: str, ways: Sequence[str], prepare: Callable[[str], Callable[[], object] | None]) -> str:
    """Pick the quickest way, as it was measured once; where nothing can be kept, the one that is usually quickest.

    Args:
        what: The processor, the runtime and the network, in words.
        ways: Those that there are: ``half``, ``single``, ``eight``.
        prepare: Makes ready to compute in a way; what comes back computes once. None where there is no such way.

    Raises:
        facelm.ModelError: The environment variable `VARIABLE` names no way.
    """
    if wanted := os.environ.get(VARIABLE):
        if wanted not in (HALF, SINGLE, EIGHT):
            raise ModelError(f"{VARIABLE}={wanted}: wanted is {HALF}, {SINGLE} or {EIGHT}")
        return wanted if wanted in ways else SINGLE
    if len(ways) == 1:
        return ways[0]

    def decide() -> str:
        return min(ways, key=lambda way: _clock(prepare(way)))

    key = hashlib.sha256(f"{what} {sorted(ways)}".encode()).hexdigest()[:32]
    return keep_note(key, ways, decide) or usual_way(ways)


def usual_way(ways: Sequence[str]) -> str:
    """Sixteen bits where the processor multiplies matrices of them (AMX), else eight, else single precision."""
    order = (HALF, EIGHT, SINGLE) if _has_amx() else (EIGHT, SINGLE, HALF)
    return next(way for way in order if way in ways)


def _has_amx() -> bool:
    try:
        return "amx_bf16" in _CPUINFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def _clock(run: Callable[[], object] | None) -> float:
    """Seconds of the fastest of some runs, the first left out."""
    if run is None:
        return math.inf
    run()
    times = []
    for _ in range(_RUNS):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times)
