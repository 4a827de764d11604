"""What is kept of a compiled kernel is used as long as no source of a kernel has changed."""

import shutil
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import skwillump.kernels
from skwillump.kernels._jit import called_simplified, inline, inline_simplified, jit

INLINED = """
from .._jit import inline

@inline
def value():
    return {value}
"""

KERNEL = """
from ._jit import jit
from .text import _inlined as other

@jit
def answer():
    return other.value()
"""

ASK = """
from copied import _kernel
from copied._jit import is_at_hand
before = is_at_hand(_kernel.answer)
print(_kernel.answer(), sum(_kernel.answer.stats.cache_hits.values()))
print(int(before), int(is_at_hand(_kernel.answer)))
"""


READ_ONLY = """
import errno, tempfile
def refused(*args, **kwargs):
    raise OSError(errno.EROFS, "Read-only file system")
tempfile.TemporaryFile = refused  # how numba finds out
"""


@pytest.fixture
def asked(tmp_path):
    """Ask a copy of the kernels in a new process: an answer, hits of the cache, and at hand?"""
    folder = tmp_path / "copied"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(skwillump.kernels.__path__[0]), folder, ignore=ignored)
    (folder / "_kernel.py").write_text(KERNEL)

    def ask(value, first=""):
        (folder / "text" / "_inlined.py").write_text(INLINED.format(value=value))
        command = [sys.executable, "-c", first + ASK]
        run = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
        return tuple(map(int, run.stdout.split()))

    return ask


def test_a_change_of_an_inlined_function_of_another_folder_compiles_its_kernels_anew(asked):
    assert asked(1)[:2] == (1, 0)
    assert asked(1)[:2] == (1, 1)
    assert asked(2)[:2] == (2, 0)


def test_a_kernel_is_at_hand_once_any_process_compiled_it(asked):
    assert asked(1)[2:] == (0, 1)
    assert asked(1)[2:] == (1, 1)


def test_a_process_that_may_not_write_reads_what_another_one_kept(asked, tmp_path):
    assert asked(1, READ_ONLY) == (1, 0, 0, 1)
    assert list(tmp_path.rglob("*.nb?")) == []
    assert asked(1) == (1, 0, 0, 1)
    kept = sorted(tmp_path.rglob("*.nb?"))
    assert asked(1, READ_ONLY) == (1, 1, 1, 1)
    # What was kept of another source is not used, and not replaced.
    assert asked(2, READ_ONLY)[:2] == (2, 0)
    assert sorted(tmp_path.rglob("*.nb?")) == kept


@inline
def doubled(number):
    return 2 * number


def test_a_function_is_compiled_for_types_and_not_for_each_constant(monkeypatch, tmp_path):
    # What an earlier run has kept would be loaded, and nothing compiled.
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    @jit
    def counted(n):
        total = doubled(3) + doubled(4)
        k = 0
        while k < n:
            total += doubled(k)
            k += 1
        return total

    assert counted(3) == 20
    assert [str(kind) for (kind,) in doubled.overloads] == ["int64"]


def test_what_is_for_kernels_refuses_calls_from_python():
    jit(lambda number: doubled(number))(1)
    for number in (1, 1.0):
        with pytest.raises(TypeError, match="doubled is for kernels"):
            doubled(number)
    assert doubled.py_func(2) == 4


def test_a_branch_for_an_argument_that_is_none_is_not_compiled():
    @inline
    def from_text(text):
        return len(text)

    @jit
    def measured(text, other):
        if text is not None:
            return from_text(text)
        return other

    assert measured(None, 3) == 3
    assert not from_text.overloads
    assert measured(np.zeros(5), 3) == 5
    assert len(from_text.overloads) == 1


@pytest.mark.parametrize("decorator", [inline, inline_simplified, called_simplified])
def test_what_is_inlined_becomes_no_machine_code_of_its_own(decorator):
    @decorator
    def tripled(number):
        return 3 * number

    assert jit(lambda number: tripled(number))(2) == 6
    for compiled in tripled.overloads.values():
        library, name = compiled.library, compiled.fndesc.llvm_func_name
        assert any(name == function.name for function in library.get_defined_functions())
        assert not library.get_pointer_to_function(name)


def test_what_a_built_in_function_returns_is_asked_of_numba_once():
    from skwillump.kernels import _pipeline

    jit(lambda number: np.uint64(number) + np.uint64(1))(1)
    known = dict(_pipeline._SIGNATURES)
    assert known
    assert jit(lambda number: np.uint64(number) + np.uint64(1) + np.uint64(1))(1) == 3
    assert known == _pipeline._SIGNATURES


@pytest.mark.parametrize("decorator", [inline, inline_simplified, called_simplified])
def test_kernels_are_compiled_without_what_numba_does_not_promise(monkeypatch, decorator):
    from skwillump.kernels import _pipeline

    monkeypatch.setattr(_pipeline, "_Library", None)

    @decorator
    def tripled(number):
        return 3 * number

    assert jit(lambda number: tripled(number))(2) == 6
    (compiled,) = tripled.overloads.values()
    assert compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)


def test_a_release_of_numba_that_was_not_tried_compiles_in_its_own_way():
    code = """
import numba
import numpy as np
numba.version_info = numba.version_info._replace(short=(99, 0))
from skwillump.kernels._jit import inline, jit
from skwillump.kernels._room import zeros

@inline
def tripled(number):
    return 3 * number

@jit
def made(n):
    out = zeros(n, np.float64)
    out[0] = tripled(n)
    return out

assert made(2).tolist() == [6.0, 0.0]
for kernel in (tripled, made):
    assert "pipeline_class" not in kernel.targetoptions
    assert kernel._compiler.pipeline_class is numba.core.compiler.Compiler
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
