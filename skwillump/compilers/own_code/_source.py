"""The source of a function of the user's own.

Source may be missing, or may have been changed since: it is believed where Python makes of it the
very code that the function has.
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable
from types import CodeType, FunctionType, ModuleType
from weakref import WeakKeyDictionary

from ._bytecode import same_code

_LONGEST_SOURCE = 4000
"""Characters of the source of a function that is read."""


Source = ast.Lambda | ast.FunctionDef | None

_KNOWN: WeakKeyDictionary[FunctionType, tuple[CodeType, Source]] = WeakKeyDictionary()
"""Sources of functions that were read, which are asked for as frames, as columns and as arrays."""


def source_of(function: FunctionType) -> Source:
    """Return the source of a function, where it is that; None where it is not known."""
    code, source = _KNOWN.get(function, (None, None))
    if code is not function.__code__:
        source = _source_of(function)
        _KNOWN[function] = function.__code__, source
    return source


def _source_of(function: FunctionType) -> Source:
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError, IndexError):
        return None
    if len(source) > _LONGEST_SOURCE:
        return None
    is_lambda = function.__code__.co_name == "<lambda>"
    kind: type[ast.Lambda | ast.FunctionDef] = ast.Lambda if is_lambda else ast.FunctionDef
    for tree in _trees(source, is_lambda):
        for node in ast.walk(tree):
            if isinstance(node, kind) and _is_made_of(function, node):
                return node
    return None


def _trees(source: str, is_lambda: bool) -> Iterable[ast.AST]:
    """Yield what source may be read as: that of a lambda may be cut anywhere behind it."""
    starts = [found.start() for found in re.finditer(r"\blambda\b", source)] if is_lambda else []
    for text in [source, *(source[start:] for start in starts)]:
        stops = range(len(text), 0, -1) if text is not source else (len(text),)
        for stop in stops:
            try:
                yield ast.parse(text[:stop])
            except (SyntaxError, ValueError):
                continue
            break


def _is_made_of(function: FunctionType, node: ast.Lambda | ast.FunctionDef) -> bool:
    """Tell whether Python makes the code of a function of source."""
    code = function.__code__
    # Calls of what is imported are compiled in a way of their own.
    known = [name for name, value in function.__globals__.items() if isinstance(value, ModuleType)]
    head = "".join(f"import {name}\n" for name in known if name.isidentifier())
    around = "".join(f"    {name} = None\n" for name in code.co_freevars)
    if isinstance(node, ast.Lambda):
        inner = f"_ = {ast.unparse(node)}"
    else:
        inner = ast.unparse(ast.FunctionDef(**{**vars(node), "decorator_list": []}))
    for imported in (head, ""):  # the module that a name is of may come by another name's import
        written = f"{imported}def _():\n{around}{textwrap.indent(inner, '    ')}"
        try:
            made = compile(written, "<own texts>", "exec")
        except (SyntaxError, ValueError):
            return False
        (outer,) = (one for one in made.co_consts if isinstance(one, CodeType))
        if any(same_code(one, code) for one in outer.co_consts):
            return True
    return False
