"""Rules of the package that no linter knows."""

import ast
import importlib.metadata
import re
import subprocess
from pathlib import Path
from shutil import which

import pytest

import skwillump

SOURCES = sorted(Path(skwillump.__file__).parent.rglob("*.py"))
CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_private_names_of_scikit_learn_are_imported_in_one_place_only(path):
    if path.parent.name == "_compat":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules, names = [], []
        if isinstance(node, ast.ImportFrom) and not node.level:
            modules, names = [node.module], [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        for module in modules:
            if module.split(".")[0] == "sklearn":
                private = [n for n in [*module.split("."), *names] if n.startswith("_")]
                assert not private, f"{path.name} line {node.lineno} imports {private}"


def test_the_public_surface_is_what_all_says():
    public = {name for name in vars(skwillump) if not name.startswith("_")}
    modules = {path.stem for path in SOURCES} | {path.parent.name for path in SOURCES}
    assert public - modules == set(skwillump.__all__)


def test_the_version_is_that_of_the_distribution():
    assert importlib.metadata.version("skwillump") == skwillump.__version__


def test_run_time_needs_are_the_six_packages():
    requires = importlib.metadata.requires("skwillump") or []
    names = {re.split(r"[^A-Za-z-]", r)[0] for r in requires if "extra ==" not in r}
    assert names == {"scikit-learn", "numpy", "scipy", "joblib", "numba", "lightgbm"}


def test_the_checkout_holds_what_belongs_to_the_project_and_nothing_else():
    if not (CHECKOUT / ".git").exists() or which("git") is None:
        pytest.skip("not a checkout that git can list")
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip(f"git lists nothing: {listed.stderr}")
    top = {path.partition("/")[0] for path in listed.stdout.splitlines()}
    folders = {"skwillump", "tests", "docs", "examples"}
    assert {name for name in top if name[0] != "."} == folders | {
        "pyproject.toml",
        "README.rst",
        "LICENSE",
    }
