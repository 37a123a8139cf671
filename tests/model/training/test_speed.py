"""The command that measures training speed returns figures."""

import json
import subprocess
import sys


def test_every_figure_is_above_zero() -> None:
    command = [sys.executable, "-m", "infill_model.training.speed", "--size", "tiny", "--rows", "1", "--threads", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert {"float32_product_gflops", "compiled_tokens_per_second", "muon_own_seconds"} <= set(found)
    assert all(value >= 0 for value in found.values())
    assert found["plain_tokens_per_second"] > 0
