"""Makes helper modules importable, keeps libraries to a thread a process, and gives tests time."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Test data are small: threads of BLAS and OpenMP would wait for one another.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

sys.path.insert(0, str(Path(__file__).parent))

# Their assertions say what was compared, as those of tests do.
pytest.register_assert_rewrite(
    "lookup_cases", "table_cases", "table_pipelines", "text_cases", "tree_cases"
)

# A kernel's first call compiles it, and other work may run beside the tests.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
