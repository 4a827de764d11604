"""Makes helper modules importable, keeps libraries to a thread a process, and gives tests time."""

import os
import sys
from importlib.metadata import version
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

QUICK = (
    "test_containers.py",
    "stages/test_clock.py",
    "project/test_package.py",
    "project/test_readme.py",
)
"""Folders and files of the quick part, for the loop of a contributor: pytest -m quick."""


def pytest_configure(config):
    """Let warn what earlier releases warn of without a reason."""
    if tuple(map(int, version("lightgbm").split(".")[:2])) < (4, 7):
        # It names the columns of arrays by itself.
        config.addinivalue_line(
            "filterwarnings", "ignore:X does not have valid feature names, but LGBM:UserWarning"
        )


def pytest_collection_modifyitems(items):
    """Mark the quick part of the suite, and refuse names that differ from process to process."""
    here = Path(__file__).parent
    for item in items:
        if " at 0x" in item.name:
            # Processes that share the tests out have to collect the same names.
            raise pytest.UsageError(f"give ids to {item.nodeid[:200]}: its name holds an address")
        if item.path.is_relative_to(here):
            path = item.path.relative_to(here).as_posix()
            if path.startswith(QUICK):
                item.add_marker(pytest.mark.quick)


# A kernel's first call compiles it, and other work may run beside the tests.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
