"""Runs a command of facelm as on a processor that has VNNI, but does not compute in sixteen bits.

    python bench/without_half.py single|eight COMMAND...

``single`` computes all layers in single precision, ``eight`` those in eight bits that the model's eight-bit export has
so. The processor must have AVX-512 and VNNI itself.
"""

import os
import sys

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_VNNI")

from facelm.cli import app
from facelm.engines import openvino

precision, *command = sys.argv[1:]
compile_network = openvino.Network.__init__


def compile_single(self: openvino.Network, model: object, exact: bool, threads: int = 1, keep: bool = False) -> None:
    """Compile without sixteen bits, and without what was compiled for the processor as it is."""
    compile_network(self, model, True, threads)


openvino.computes_in_half = lambda: precision == "single"
openvino.Network.__init__ = compile_single
sys.argv = ["facelm", *command]
app.main()
