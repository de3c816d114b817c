# SPDX-FileCopyrightText: 2026 The rs_monitor authors
# SPDX-License-Identifier: Apache-2.0
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install torch onnx")


def test_killed_ten_times_it_ends_with_the_uninterrupted_weights(tmp_path):
    seed = random.randrange(1 << 30)
    script = Path(__file__).with_name("killed_training.py")
    done = subprocess.run(
        [sys.executable, script, tmp_path, str(seed)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr}"
    kills = json.loads(done.stdout)
    assert len(kills) == 10 and all(kills)
    whole, killed = (
        torch.load(tmp_path / f"{name}_weights.pt", weights_only=True)
        for name in ("whole", "killed")
    )
    assert whole.keys() == killed.keys()
    for name, value in whole.items():
        assert torch.equal(value, killed[name]), f"seed {seed}, killed after {kills}: {name}"
    # Not because nothing was trained.
    assert int(whole["1.num_batches_tracked"]) == 88
    assert not list(tmp_path.glob("*_weights.pt.*"))
