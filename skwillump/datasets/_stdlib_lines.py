"""Lines of Python's standard library, labelled code or documentation."""

import ast
import os
import sysconfig
import tokenize
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch


def load_stdlib_lines(*, min_length: int = 8, return_X_y: bool = False) -> Any:
    """Load the lines of Python's standard library, labelled code or documentation.

    The lines are read from the source files of the Python that runs. A line is documentation if it
    is part of the docstring of a module, class or function, and code otherwise (comments and other
    strings are code). Every module or package with ``test`` in its name is left out, and so is what
    was installed beside the standard library (``site-packages``). On Python 3.11 this gives about
    249,500 rows, 14 % of them documentation; the figures differ between versions and systems.

    Neighbouring lines resemble each other. To measure how well a model does on a module that it
    has not seen, split by ``groups``.

    Parameters
    ----------
    min_length : int, default=8
        Lines with fewer characters, not counting white space at both ends, are left out.

    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the following attributes. Rows come in the order of the sorted file paths, then of the
        lines of each file.

        data : ndarray of shape (n_rows,), dtype object
            The lines, as str, with their indentation.
        target : ndarray of shape (n_rows,), dtype int64
            0 for code, 1 for documentation.
        target_names : list of str
            ``["code", "documentation"]``.
        groups : ndarray of shape (n_rows,), dtype object
            The file of each line, relative to the standard library, as ``"json/decoder.py"``.
        DESCR : str
            A description of the data.

    (data, target) : tuple if ``return_X_y`` is True
        The two arrays described above.

    Raises
    ------
    FileNotFoundError
        If this Python comes without the source files of its standard library.

    Examples
    --------
    >>> from skwillump.datasets import load_stdlib_lines
    >>> lines = load_stdlib_lines()
    >>> lines.target_names
    ['code', 'documentation']
    >>> in_queue = lines.groups == "queue.py"
    >>> lines.data[in_queue][1]
    'import threading'
    >>> int(lines.target[in_queue][1])
    0
    """
    root = Path(sysconfig.get_path("stdlib"))
    data: list[str] = []
    target: list[bool] = []
    groups: list[str] = []
    for path in _stdlib_files(root):
        try:
            lines, in_docstring = _read_lines(path)
        except (SyntaxError, UnicodeDecodeError):
            continue  # templates and other versions' files are not modules of this Python
        kept = [i for i, line in enumerate(lines) if len(line.strip()) >= min_length]
        data.extend(lines[i] for i in kept)
        target.extend(in_docstring[i] for i in kept)
        groups.extend([path.relative_to(root).as_posix()] * len(kept))
    if not data:
        raise FileNotFoundError(
            f"Found no line of at least {min_length} characters in Python source files under "
            f"{str(root)!r}: load_stdlib_lines needs a Python that is installed with the source "
            "of its standard library."
        )
    X = np.array(data, dtype=object)
    y = np.array(target, dtype=np.int64)
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        target_names=["code", "documentation"],
        groups=np.array(groups, dtype=object),
        DESCR=(
            "Lines of Python's standard library\n\n"
            f"{len(X):,} lines of {len(set(groups)):,} source files found under {root}; "
            f"{y.mean():.1%} of them are documentation (part of a docstring), the others code.\n"
            "Licence: Python Software Foundation License."
        ),
    )


def _stdlib_files(root: Path) -> list[Path]:
    """Return the Python files under `root`, sorted, without tests and installed packages."""
    found: list[Path] = []
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [
            name
            for name in subfolders
            if "test" not in name and name not in ("site-packages", "dist-packages")
        ]
        found.extend(
            Path(folder, name) for name in files if name.endswith(".py") and "test" not in name
        )
    return sorted(found, key=lambda path: path.relative_to(root).parts)


def _read_lines(path: Path) -> tuple[list[str], list[bool]]:
    """Return the lines of a Python file, and for each whether it is part of a docstring."""
    with tokenize.open(path) as file:  # decodes as Python does, by BOM and coding line
        source = file.read()
    with warnings.catch_warnings():
        # A warning about the source (an invalid escape, say) would be a SyntaxError under -W error.
        warnings.simplefilter("ignore")
        module = ast.parse(source)
    lines = source.split("\n")  # not splitlines(): a form feed ends no line of Python
    in_docstring = [False] * len(lines)
    for first, last in _docstring_spans(module):
        in_docstring[first - 1 : last] = [True] * (last - first + 1)
    return lines, in_docstring


_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _docstring_spans(module: ast.Module) -> Iterator[tuple[int, int]]:
    """Yield the first and last line number (from 1) of each docstring of a module."""
    # Only statements can hold a docstring, and they are a small part of the tree.
    open_nodes: list[ast.AST] = [module]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            docstring = node.body[0]
            assert docstring.end_lineno is not None  # ast.parse sets it
            yield docstring.lineno, docstring.end_lineno
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            open_nodes.extend(getattr(node, name, ()))
