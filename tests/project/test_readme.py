"""What README.rst tells users to type must exist, and agree with pyproject.toml."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.rst").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = set(PROJECT["optional-dependencies"])


def readme_command(name):
    command = [sys.executable, str(ROOT / ".ci" / "readme_command"), name]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["quickstart", "tests"])
def test_each_command_sets_up_an_environment_installs_and_runs(name):
    result = readme_command(name)
    assert result.returncode == 0, result.stderr
    make, install, run = (shlex.split(part) for part in result.stdout.split("&&"))
    assert make == ["python3", "-m", "venv", ".venv"]
    assert install[:2] == [".venv/bin/pip", "install"]
    assert run[0] == ".venv/bin/python"
    for path in run[1:]:
        if path.endswith(".py"):
            assert (ROOT / path).is_file()


def test_there_are_two_commands_and_an_unknown_one_is_an_error():
    assert re.findall(r"^\.\. command: (\w+)$", README, flags=re.MULTILINE) == [
        "quickstart",
        "tests",
    ]
    result = readme_command("no_such_command")
    assert result.returncode != 0
    assert "no_such_command" in result.stderr


def test_the_readme_names_the_extras_that_exist():
    assert set(re.findall(r"skwillump\[(\w+)\]", README)) == EXTRAS
    assert set(re.findall(r"\.\[(\w+)\]", README)) <= EXTRAS


def test_the_extras_that_errors_name_exist():
    named = {
        extra
        for path in (ROOT / "skwillump").rglob("*.py")
        for extra in re.findall(r"skwillump\[(\w+)\]", path.read_text(encoding="utf-8"))
    }
    assert "dataframe" in named
    assert named <= EXTRAS


def test_the_readme_names_the_oldest_python_that_installs():
    oldest = re.search(r"needs Python (\d+\.\d+) or later", README)
    assert oldest is not None
    assert PROJECT["requires-python"] == f">={oldest[1]}"


def test_the_readme_has_one_place_for_figures():
    begin, end = README.index(".. figures-begin"), README.index(".. figures-end")
    assert begin < end
    assert README.count("figures-begin") == README.count("figures-end") == 1
