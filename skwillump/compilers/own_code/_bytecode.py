"""What a short function of the user's own does, told from its code.

The commonest steps that people write themselves choose columns of a data frame (``X[self.key]``),
make an array of a sparse matrix (``X.toarray()``), fill missing texts (``X.fillna("")``), or return
what they are given. Such a function
is recognised where its code is, instruction by instruction, what Python makes of one of a few
expressions: the expressions are compiled with the names that the function uses, and the two codes
are compared. Whatever is not the same code is not recognised, and runs as it is.

Names that a function reads (attributes of the estimator, variables of its module or of what
encloses it) are looked up once, as the compiled pipeline is a snapshot.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from operator import itemgetter
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from sklearn.preprocessing import FunctionTransformer

from ..._compat import library_of
from .._features import has_set_output


class Own(Enum):
    """What a function returns that does not choose columns."""

    SAME = "what it is given"
    DENSE = "an array of the same values"


@dataclass(frozen=True, kw_only=True)
class ChosenColumns:
    """Columns of a data frame that a function returns."""

    names: tuple[str, ...]
    is_vector: bool  # whether one column is returned as a series
    as_array: bool  # whether an array of the values is returned


@dataclass(frozen=True, kw_only=True)
class FilledTexts:
    """A text that a function puts in the place of what is missing."""

    text: str | None  # None if it leaves what is missing to pandas, and texts as they are


_FILLS = ("{x}.fillna({key})", "{x}.fillna(value={key})")
"""Expressions that fill what is missing."""

_CHOICES = (
    ("{x}[{key}]", False, False),
    ("{x}[[{key}]]", True, False),
    ("{x}[{key}].copy()", False, False),
    ("{x}[[{key}]].copy()", True, False),
    ("{x}.loc[:, {key}]", False, False),
    ("{x}.loc[:, [{key}]]", True, False),
    ("{x}.loc[:, {key}].copy()", False, False),
    ("{x}[{key}].values", False, True),
    ("{x}[[{key}]].values", True, True),
    ("{x}.loc[:, {key}].values", False, True),
    ("{x}[{key}].to_numpy()", False, True),
    ("{x}[[{key}]].to_numpy()", True, True),
    ("{x}[{key}].values.reshape(-1, 1)", True, True),
    ("{x}[{key}].to_frame()", True, False),
)
"""Expressions that choose columns: whether a name stands in a list of its own, and whether the
values alone are returned."""

_OTHERS = (
    ("{x}", Own.SAME),
    ("{x}.copy()", Own.SAME),
    ("{x}.toarray()", Own.DENSE),
    ("{other}.asarray({x}.todense())", Own.DENSE),
    ("{other}.array({x}.todense())", Own.DENSE),
    ("{x}.toarray() if hasattr({x}, 'toarray') else {x}", Own.DENSE),
    ("{x}.todense().A", Own.DENSE),
)
"""Expressions that choose no columns."""

_AS_TEXTS = ("{x}.astype(str)", "{x}.astype('str')")
"""Expressions that make texts, and leave texts as they are."""

_LONGEST = 400
"""Bytes of the code of a function that is looked at."""


def chosen_columns(fitted: Any) -> ChosenColumns | None:
    """Return the columns that a transformer of the user's own chooses; None if it does not."""
    if type(fitted) is FunctionTransformer and type(fitted.func) is itemgetter:
        keys = fitted.func.__reduce__()[1]
        is_plain = len(keys) == 1 and not (fitted.kw_args or fitted.validate)
        if not is_plain or has_set_output(fitted):
            return None
        return _chosen(keys[0], False, _CHOICES[0][0], False)
    names = _names_in(fitted)
    if names is None:
        return None
    for key, value in names.found_keys():
        for form, in_list, as_array in _CHOICES:
            chosen = _chosen(value, in_list, form, as_array)
            if chosen is not None and names.is_code_of(form, key=key):
                return chosen
    return None


def filled_texts(fitted: Any) -> FilledTexts | None:
    """Return what a transformer of the user's own fills in; None if it does not do that."""
    names = _names_in(fitted)
    if names is None:
        return None
    for key, value in names.found_keys():
        if type(value) is str and any(names.is_code_of(form, key=key) for form in _FILLS):
            return FilledTexts(text=value)
    if any(names.is_code_of(form) for form in _AS_TEXTS) and names.value("str") is None:
        return FilledTexts(text=None)
    return None


def own_code(fitted: Any) -> Own | None:
    """Return what else a transformer of the user's own does; None where that is not told."""
    names = _names_in(fitted)
    if names is None:
        return None
    numpy = names.names_of(np)
    for form, does in _OTHERS:
        for other in numpy if "{other}" in form else ("",):
            if names.is_code_of(form, other=other) and names.knows_builtins(form):
                return does
    return None


def applied_function(fitted: Any) -> np.ufunc | None:
    """Return the function of numpy's that a transformer of the user's own applies, and no more."""
    names = _names_in(fitted)
    if names is None:
        return None
    for numpy in names.names_of(np):
        for name in names.attributes:
            function = getattr(np, name, None)
            if isinstance(function, np.ufunc) and names.is_code_of(
                f"{{other}}.{name}({{x}})", other=numpy
            ):
                return function
    return None


def _names_in(fitted: Any) -> "_Names | None":
    """Return the names in the short function that transforms; None where there is none."""
    found = function_of(fitted)
    if found is None or has_set_output(fitted):
        return None
    function, at = found
    code = function.__code__
    if len(code.co_code) > _LONGEST or code.co_argcount <= at or code.co_cellvars:
        return None
    return _Names(function, fitted if at else None)


def _chosen(value: Any, in_list: bool, form: str, as_array: bool) -> ChosenColumns | None:
    """Return the columns that an expression with a key of a value chooses."""
    if isinstance(value, str):
        names, is_vector = (value,), not in_list
        if "to_frame" in form or "reshape" in form:
            is_vector = False
    elif in_list or "to_frame" in form or "reshape" in form:
        return None
    else:
        if type(value).__name__ == "Index" or (isinstance(value, np.ndarray) and value.ndim == 1):
            value = value.tolist()
        if type(value) is not list or not all(type(name) is str for name in value):
            return None
        names, is_vector = tuple(value), False
    if not names or len(set(names)) < len(names):
        return None
    return ChosenColumns(names=names, is_vector=is_vector, as_array=as_array)


def function_of(fitted: Any) -> tuple[FunctionType, int] | None:
    """Return the function that transforms, and the position of X among its arguments."""
    if type(fitted) is FunctionTransformer:
        plain = not (fitted.kw_args or fitted.validate)
        return (fitted.func, 0) if plain and isinstance(fitted.func, FunctionType) else None
    kind = type(fitted)
    if library_of(kind) in ("sklearn", "imblearn") or "transform" in vars(fitted):
        return None
    if "__getattribute__" in _methods(kind) or "__getattr__" in _methods(kind):
        return None
    method = inspect.getattr_static(kind, "transform", None)
    if not isinstance(method, FunctionType):
        return None
    wrapped = inspect.unwrap(method)
    # `set_output` wraps it; what another decorator does is not known.
    is_plain = wrapped is method or method.__code__.co_filename.endswith("_set_output.py")
    return (wrapped, 1) if is_plain and isinstance(wrapped, FunctionType) else None


def _methods(kind: type) -> set[str]:
    return {name for base in kind.__mro__[:-1] for name in vars(base)}


class _Names:
    """What the names in a function stand for.

    Parameters
    ----------
    owner : estimator or None
        What its first argument is, if it is a method.
    """

    def __init__(self, function: FunctionType, owner: Any):
        self._function = function
        self._code = function.__code__
        self._owner = owner
        n_args = self._code.co_argcount + self._code.co_kwonlyargcount
        n_args += bool(self._code.co_flags & inspect.CO_VARARGS)
        n_args += bool(self._code.co_flags & inspect.CO_VARKEYWORDS)
        self._has_more_variables = len(self._code.co_varnames) > n_args
        self._x = self._code.co_varnames[0 if owner is None else 1]

    def value(self, name: str) -> Any:
        """Return what a variable stands for that is no argument; None if that is not known."""
        cells = dict(zip(self._code.co_freevars, self._function.__closure__ or (), strict=True))
        if name in cells:
            try:
                return cells[name].cell_contents
            except ValueError:  # not yet filled
                return None
        return self._function.__globals__.get(name)

    def names_of(self, value: Any) -> list[str]:
        """Return the names of a value in the code."""
        return [name for name in self._code.co_names if self.value(name) is value]

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of attributes, and of variables of the module, in the code."""
        return self._code.co_names

    def found_keys(self) -> Iterator[tuple[str, Any]]:
        """Yield expressions that a function may choose columns with, and their values."""
        code = self._code
        texts = [text for text in code.co_consts if type(text) is str and text != code.co_name]
        texts = [text for text in texts if text != self._function.__doc__]
        for text in texts:
            yield repr(text), text
        lists = [list(one) for one in code.co_consts if type(one) is tuple and one]
        for one in [*lists, texts] if texts else lists:
            if all(type(name) is str for name in one):
                yield repr(one), one
        for name in (*code.co_names, *code.co_freevars):
            yield name, self.value(name)
            if self._owns(name):
                yield f"{code.co_varnames[0]}.{name}", vars(self._owner)[name]

    def _owns(self, name: str) -> bool:
        """Whether a name is that of a plain attribute of the estimator."""
        if self._owner is None or name not in vars(self._owner):
            return False
        return inspect.getattr_static(type(self._owner), name, None) is None

    def knows_builtins(self, form: str) -> bool:
        """Whether what an expression takes for Python's own functions is that."""
        return "hasattr" not in form or self.value("hasattr") is None

    def is_code_of(self, form: str, **parts: str) -> bool:
        """Whether the function is what Python makes of an expression."""
        if self._has_more_variables:
            return False
        # Calls of what is imported are compiled in a way of their own.
        head = f"import {parts['other']}\n" if parts.get("other") else ""
        made = _compiled(form.format(x=self._x, **parts), self._code, self._function.__doc__, head)
        return made is not None and same_code(made, self._code)


def _compiled(expression: str, code: CodeType, doc: str | None, head: str) -> CodeType | None:
    """Return the code of a function of the same arguments that returns an expression."""
    n_args = code.co_argcount
    names = code.co_varnames
    arguments = list(names[:n_args])
    at = n_args + code.co_kwonlyargcount
    only_named = list(names[n_args:at])
    if code.co_flags & inspect.CO_VARARGS:
        arguments.append(f"*{names[at]}")
        at += 1
    elif only_named:
        arguments.append("*")
    arguments += only_named
    if code.co_flags & inspect.CO_VARKEYWORDS:
        arguments.append(f"**{names[at]}")
    names_of_arguments = ", ".join(arguments)
    around = "".join(f"{name} = None; " for name in code.co_freevars)
    if code.co_name == "<lambda>":
        body = f"_ = lambda {names_of_arguments}: {expression}"
    else:
        told = f"{doc!r}; " if doc is not None else ""
        body = f"def {code.co_name}({names_of_arguments}): {told}return {expression}"
    try:
        made = compile(f"{head}def _():\n    {around}\n    {body}\n", "<own code>", "exec")
    except (SyntaxError, ValueError):
        return None
    return _code_in(_code_in(made))


def _code_in(code: CodeType | None) -> CodeType | None:
    """Return the code of the only function that is defined in a code; None if there are more."""
    found = [one for one in code.co_consts if isinstance(one, CodeType)] if code else []
    return found[0] if len(found) == 1 else None


def same_code(one: Any, other: Any) -> bool:
    """Tell whether two codes, or constants in them, are the same, wherever they were written."""
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        consts, others = one.co_consts, other.co_consts
        return (
            one.co_code == other.co_code
            and one.co_names == other.co_names
            and one.co_freevars == other.co_freevars
            and one.co_cellvars == other.co_cellvars
            and one.co_varnames == other.co_varnames
            and one.co_exceptiontable == other.co_exceptiontable
            and len(consts) == len(others)
            and all(map(same_code, consts, others))
        )
    return type(one) is type(other) and bool(one == other)
