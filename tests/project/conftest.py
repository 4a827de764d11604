"""Makes the benchmarks, which are scripts, importable."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "examples" / "benchmarks"))
