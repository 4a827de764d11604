"""The benchmarks that no other test runs, in parts of their short setting."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(
    "SKWILLUMP_DATA" not in os.environ, reason="SKWILLUMP_DATA names no folder of data sets"
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("text_benchmark", ("one_row", "threads")),
        ("tabular_benchmark", ("one_row",)),
    ],
)
def test_the_short_setting_runs_and_writes_its_file(name, parts, tmp_path):
    path = tmp_path / "out.json"
    script = str(ROOT / "examples" / "benchmarks" / f"{name}.py")
    found = subprocess.run(
        [sys.executable, script, "--quick", "--out", str(path), "--only", *parts],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert found.returncode == 0, found.stderr
    result = json.loads(path.read_text())
    assert result["quick"] is True
    assert all(result[part] for part in parts)
