from __future__ import annotations

import subprocess
import sys


def test_a_process_that_keeps_its_memory_goes_on_as_before() -> None:
    program = """if True:
        from facelm.training.memory import keep_freed_memory
        keep_freed_memory()
        import numpy as np
        for _ in range(5):
            assert np.ones(5_000_000).sum() == 5_000_000
    """
    subprocess.run([sys.executable, "-c", program], check=True)
