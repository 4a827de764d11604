"""What a step of the user's own makes of each text of a column, told from its source.

The commonest steps before a vectorizer clean texts one by one: ``X.apply(clean)``,
``[self.clean(text) for text in X]``, ``X.str.lower().str.strip()``. Of one row the function is then
called with its text, and no column is made of it. Many rows go to the step as they are.

Source may be missing, or may have been changed since: it is believed where Python makes of it the
very code that the function has. Whatever else is in it, the step is not told.
"""

import ast
import builtins
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .._features import EXACT_INTEGERS, has_set_output
from .._unsupported import InputUnsupported
from ._bytecode import function_of
from ._source import source_of

TextMap = Callable[[str], Any]
"""What one text becomes."""

_METHODS = ("lower", "upper", "strip", "lstrip", "rstrip")
"""Methods of ``.str``, without arguments, that do to ASCII what those of Python's str do."""

_OTHER_METHODS: dict[str, TextMap] = {"len": len, "split": str.split}

_SAME = ("copy", "tolist", "to_list", "to_numpy", "ravel", "flatten")
"""Methods that return the same texts in one container or another."""

_NUMBERS = {bool, int, float}

_PLAIN = re.compile(r"[\t\n\r -~]*")
"""Texts of which all libraries that pandas leaves texts to think alike."""


class _NotTold(Exception):
    """Source that is not known to make a text of each text."""


@dataclass(frozen=True)
class _Column:
    """A column of texts to each of which some functions were applied."""

    maps: tuple[TextMap, ...] = ()

    def mapped(self, found: TextMap) -> "_Column":
        return _Column((*self.maps, found))


@dataclass(frozen=True)
class _Methods:
    """``column.str``."""

    column: _Column


@dataclass(frozen=True)
class _Known:
    """What a name stands for."""

    value: Any


@dataclass(frozen=True)
class _Numbers:
    """Columns of numbers side by side."""

    columns: tuple[_Column, ...]
    as_array: bool


@dataclass(frozen=True)
class NumberMap:
    """What a text becomes: a number in each column of an array, or of a data frame."""

    maps: tuple[TextMap, ...]
    as_array: bool

    def __call__(self, text: str) -> np.ndarray:
        """Return the numbers of a text, (1, n_columns), as float64 or integers.

        Raises
        ------
        InputUnsupported
            If they are not plain numbers.
        """
        values = [each(text) for each in self.maps]
        if not {type(value) for value in values} <= _NUMBERS:
            raise InputUnsupported("a text has become no plain number")
        numbers = np.array([values])
        if not (np.abs(numbers) < EXACT_INTEGERS).all():
            raise InputUnsupported("a number that is missing, or too large")
        return numbers


def text_map(fitted: Any) -> TextMap | None:
    """Return what a transformer of the user's own makes of each text; None if that is not told.

    What is returned raises `InputUnsupported` for a text of which only the original can tell.
    """
    found = _read(fitted)
    return _made_of(found) if isinstance(found, _Column) else None


def number_map(fitted: Any) -> NumberMap | None:
    """Return what numbers a transformer of the user's own makes of each text; None as above."""
    found = _read(fitted)
    if not isinstance(found, _Numbers):
        return None
    return NumberMap(tuple(map(_made_of, found.columns)), found.as_array)


def _read(fitted: Any) -> Any:
    """Return what a transformer of the user's own returns for a column; None if it is not told."""
    found = function_of(fitted)
    if found is None or has_set_output(fitted):
        return None
    function, at = found
    node = source_of(function)
    if node is None or function.__code__.co_argcount <= at:
        return None
    try:
        return _Reader(function, fitted if at else None).read(node)
    except _NotTold:
        return None


def _made_of(column: _Column) -> TextMap:
    def made_of(text: Any) -> Any:
        for each in column.maps:
            if text is None:
                raise InputUnsupported("a column of what is missing may be another")
            text = each(text)
        return text

    return made_of


class _Reader:
    """Reads the source of a function.

    Parameters
    ----------
    owner : estimator or None
        What its first argument is, if it is a method.
    """

    def __init__(self, function: FunctionType, owner: Any):
        code = function.__code__
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        self._enclosed = dict(cells)
        self._globals = function.__globals__
        self._arguments = set(code.co_varnames)
        self._local: dict[str, Any] = {code.co_varnames[owner is not None]: _Column()}
        self._owner_name = "" if owner is None else code.co_varnames[0]
        self._owner = owner

    def read(self, node: ast.Lambda | ast.FunctionDef) -> Any:
        """Return what is returned."""
        if isinstance(node, ast.Lambda):
            return self._value(node.body)
        for statement in node.body:
            match statement:
                case ast.Expr(ast.Constant()):
                    continue
                case ast.Assign([ast.Name(name)], value) if name != self._owner_name:
                    self._local[name] = self._value(value)
                case ast.Return(ast.expr() as value):
                    return self._value(value)
                case _:
                    raise _NotTold
        raise _NotTold

    def _column(self, node: ast.expr) -> _Column:
        found = self._value(node)
        if not isinstance(found, _Column):
            raise _NotTold
        return found

    def _value(self, node: ast.expr) -> Any:
        """Return what an expression is: a `_Column`, `_Numbers`, `_Methods` or `_Known`."""
        match node:
            case ast.Constant(value):
                return _Known(value)
            case ast.UnaryOp(ast.USub(), ast.Constant(int(value))):
                return _Known(-value)
            case ast.Dict(keys, values) if None not in keys:
                names = self._constants([key for key in keys if key is not None])
                if len(set(map(str, names))) < len(names):
                    raise _NotTold
                return _Numbers(tuple(map(self._column, values)), as_array=False)
            case ast.Name(name):
                return self._local[name] if name in self._local else _Known(self._known(name))
            case ast.Attribute(of, name):
                return self._attribute(self._value(of), name)
            case ast.ListComp(element, [ast.comprehension(ast.Name(name), of, [], 0)]):
                return self._column(of).mapped(self._function(name, element))
            case ast.Lambda(ast.arguments([], [ast.arg(name)], None, [], [], None, []), body):
                return _Known(self._function(name, body))
            case ast.Call(ast.Attribute(of, name), args, keywords):
                found = self._value(of)
                if isinstance(found, _Methods):
                    return self._method(found.column, name, args, keywords)
                if isinstance(found, _Column):
                    return self._of_series(found, name, args, keywords)
                if isinstance(found, _Numbers) and name == "to_numpy" and not (args or keywords):
                    return _Numbers(found.columns, as_array=True)
                return self._called(self._attribute(found, name), args, keywords)
            case ast.Call(ast.Name() as name, args, keywords):
                return self._called(self._value(name), args, keywords)
        raise _NotTold

    def _known(self, name: str) -> Any:
        """Return what a name stands for that is no column."""
        if name == self._owner_name:
            return self._owner
        if name in self._arguments:
            raise _NotTold
        try:
            if name in self._enclosed:
                return self._enclosed[name].cell_contents
            return self._globals[name] if name in self._globals else getattr(builtins, name)
        except (ValueError, AttributeError) as error:
            raise _NotTold from error

    def _attribute(self, of: Any, name: str) -> Any:
        if isinstance(of, _Column):
            if name == "values":
                return of
            if name == "str":
                return _Methods(of)
        elif isinstance(of, _Numbers):
            if name == "values":
                return _Numbers(of.columns, as_array=True)
        elif isinstance(of, _Known):
            if of.value is self._owner and self._owner is not None:
                return _Known(self._owned(name))
            if (of.value is str or isinstance(of.value, ModuleType)) and hasattr(of.value, name):
                return _Known(getattr(of.value, name))
        raise _NotTold

    def _owned(self, name: str) -> Any:
        """Return a plain attribute, or a method, of the estimator."""
        static = inspect.getattr_static(self._owner, name, None)
        if name in vars(self._owner) or isinstance(static, (FunctionType, staticmethod)):
            return getattr(self._owner, name)
        raise _NotTold

    def _constants(self, nodes: Iterable[ast.expr]) -> list[Any]:
        found = [self._value(node) for node in nodes]
        if not all(isinstance(one, _Known) for one in found):
            raise _NotTold
        return [one.value for one in found]

    def _of_series(
        self, column: _Column, name: str, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> Any:
        """Return what a method of a series, or of an array of one, returns."""
        if keywords:
            raise _NotTold
        if name == "reshape" and self._constants(args) == [-1, 1]:
            return _Numbers((column,), as_array=True)
        if name == "to_frame" and not args:
            return _Numbers((column,), as_array=False)
        if name in ("apply", "map") and len(args) == 1:
            (function,) = self._constants(args)
            if callable(function) and not isinstance(function, (type, np.ufunc)):
                return column.mapped(function)
        if name in _SAME and not args:
            return column
        if name == "astype" and len(args) == 1 and self._constants(args)[0] in (str, "str"):
            return column
        if name == "fillna" and len(args) == 1 and type(self._constants(args)[0]) is str:
            return column
        raise _NotTold

    def _called(self, function: Any, args: list[ast.expr], keywords: list[ast.keyword]) -> Any:
        """Return what a function that is given a column returns."""
        if not isinstance(function, _Known) or keywords:
            raise _NotTold
        name = getattr(function.value, "__name__", "")
        home = getattr(function.value, "__module__", "").partition(".")[0]
        if function.value is map and len(args) == 2:
            (applied,) = self._constants(args[:1])
            if callable(applied):
                return self._column(args[1]).mapped(applied)
        makes_column = (home, name) in (
            ("pandas", "Series"),
            ("numpy", "array"),
            ("numpy", "asarray"),
            ("numpy", "ravel"),
        )
        if len(args) == 1 and (makes_column or function.value is list):
            return self._column(args[0])
        if len(args) == 1 and (home, name) == ("pandas", "DataFrame"):
            found = self._value(args[0])
            return _Numbers((found,), as_array=False) if isinstance(found, _Column) else found
        raise _NotTold

    def _method(
        self, column: _Column, name: str, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> _Column:
        """Return what a method of ``.str`` returns."""
        given = {str(at): value for at, value in enumerate(self._constants(args))}
        given |= {str(one.arg): value for one, value in _values(keywords, self._constants)}
        function = text_method(name, given)
        if function is None:
            raise _NotTold
        return column.mapped(function)

    def _function(self, name: str, body: ast.expr) -> TextMap:
        """Return the function of one variable that an expression is."""
        used = {one.id for one in ast.walk(body) if isinstance(one, ast.Name)} - {name}
        if used & (self._arguments | set(self._local)) - {self._owner_name}:
            raise _NotTold
        given = sorted(used & {self._owner_name, *self._enclosed})
        inner = ast.Lambda(_arguments([name]), body)
        outer = ast.Expression(ast.Lambda(_arguments(given), inner))
        made = compile(ast.fix_missing_locations(outer), "<own texts>", "eval")
        found: TextMap = eval(made, self._globals)(*map(self._known, given))
        return found


def text_method(name: str, given: dict[str, Any]) -> TextMap | None:
    """Return what a method of ``.str`` makes of a text; None where that is not known.

    Parameters
    ----------
    given : dict of str to object
        Its arguments by name, or by position ("0") where they have none.
    """
    if not given and (name in _METHODS or name in _OTHER_METHODS):
        return _of_plain(_OTHER_METHODS.get(name) or getattr(str, name))
    if name in ("count", "contains") and set(given) == {"0"}:
        pattern = given["0"]
        if not (type(pattern) is str and _PLAIN.fullmatch(pattern) and _is_agreed_on(pattern)):
            return None
        if name == "contains":
            return _of_plain(lambda text: re.search(pattern, text) is not None)
        return _of_plain(lambda text: len(re.findall(pattern, text)))
    if name != "replace":
        return None
    named = {{"0": "pat", "1": "repl"}.get(at, at): value for at, value in given.items()}
    regex = named.pop("regex", False)
    if len(named) < len(given) - ("regex" in given) or set(named) != {"pat", "repl"}:
        return None
    pattern, new = named["pat"], named["repl"]
    if not (type(pattern) is type(new) is str and pattern and type(regex) is bool):
        return None
    if not regex:
        return _of_plain(lambda text: text.replace(pattern, new))
    if "\\" in new or not _PLAIN.fullmatch(pattern) or not _is_agreed_on(pattern):
        return None
    return _of_plain(lambda text: re.sub(pattern, new, text))


def _values(keywords: list[ast.keyword], constants: Callable) -> Iterable[tuple[Any, Any]]:
    return zip(keywords, constants([one.value for one in keywords]), strict=True)


def _arguments(names: list[str]) -> ast.arguments:
    args = [ast.arg(name) for name in names]
    return ast.arguments(posonlyargs=[], args=args, kwonlyargs=[], kw_defaults=[], defaults=[])


def _of_plain(function: TextMap) -> TextMap:
    """Return a function that leaves texts to the original of which it may think otherwise."""

    def of_plain(text: Any) -> Any:
        if type(text) is list and function is len:
            return len(text)  # of the parts of a text
        if type(text) is not str or not _PLAIN.fullmatch(text):
            raise InputUnsupported("no text, or one of more than ASCII")
        return function(text)

    return of_plain


_AGREED_ON = re.compile(
    r"""(?x) (?: [^][(){}.*+?^$|\\]      # a letter, or a mark that means itself
           | \\[wdsWDS] | \\[^a-zA-Z0-9] | \.
           | \[\^?(?:[^][\\] | \\[wdsWDS] | \\[^a-zA-Z0-9])+\]
           | \((?!\?) | \) | \|
           | (?<![*+?}])(?:[*+?] | \{\d+,?\d*\})\??
       )+"""
)
"""Patterns without anchors, references or looks around."""


def _is_agreed_on(pattern: str) -> bool:
    """Tell whether all regular expressions find the same with a pattern in plain texts."""
    if _AGREED_ON.fullmatch(pattern) is None:
        return False
    try:
        return not re.compile(pattern).match("")
    except (re.error, RecursionError, OverflowError):
        return False
