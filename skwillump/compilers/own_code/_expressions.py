"""Reads the expressions of a function of the user's own, for one row."""

import ast
import builtins
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..._compat import library_of
from . import _libraries as libraries, _methods as methods
from ._arrays import part_of, shape_of
from ._kinds import (
    Accessor,
    Array,
    Cell,
    Frame,
    Item,
    Known,
    Names,
    NotTold,
    RowCount,
    Several,
    Unnamed,
    is_known,
    known,
)
from ._numpy import beside
from ._operators import (
    any_or_all,
    changed,
    column_at,
    columns_of,
    combined,
    compared,
    dict_of,
    found_of,
    is_no_attribute,
    items_in,
    joined_text,
    not_told,
    of_container,
    side_by_side,
    worth_of,
)

_OF_KNOWN = (list, tuple, set, int, float, len, range, sorted, str)
"""Functions that are called when a function is read, with what is known then."""


class Expressions:
    """Reads the expressions of one function."""

    def __init__(
        self,
        function: FunctionType,
        owner: Any,
        args: Sequence[Any],
        given: Mapping[str, Any],
    ):
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._enclosed = dict(cells)
        self._globals = function.__globals__
        self._owner = owner
        self._local = self._bound(function, owner, args, given)
        self._fixed: set[str] = set()  # names that may not change: they were known before a branch

    @staticmethod
    def _bound(
        function: FunctionType, owner: Any, args: Sequence[Any], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        if owner is not None:
            args = (Known(owner), *args)
        try:
            signature = inspect.signature(function)
            bound = signature.bind(*args, **given)
        except (TypeError, ValueError) as error:
            raise NotTold from error
        found = dict(bound.arguments)
        for name, parameter in signature.parameters.items():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD and name not in found:
                found[name] = Known({})
            elif parameter.kind in (inspect.Parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                raise NotTold
            elif name not in found:
                found[name] = Known(parameter.default)
        return found

    def read(self, function: FunctionType, owner: Any, args: Any, given: Any) -> Any:
        """Return what another function returns."""
        raise NotTold

    def _bind(self, target: ast.expr, item: Any) -> None:
        """Give the variables of a loop their values."""
        if isinstance(target, ast.Name):
            if target.id in self._fixed and not isinstance(self._local.get(target.id), Known):
                raise NotTold
            self._local[target.id] = item
            return
        parts = list(items_in(item))
        if not isinstance(target, ast.Tuple) or len(parts) != len(target.elts):
            raise NotTold
        for one, part in zip(target.elts, parts, strict=True):
            self._bind(one, part)

    def _condition(self, test: ast.expr) -> Known | Item:
        found = self.value(test)
        if isinstance(found, (Known, Item)):
            return found
        raise NotTold

    # Expressions

    def _frame(self, node: ast.expr) -> Frame:
        found = self.value(node)
        if not isinstance(found, Frame):
            raise NotTold
        return found

    def value(self, node: ast.expr) -> Any:
        """Return what an expression is: one of `_kinds`."""
        match node:
            case ast.Constant(value):
                return Known(value)
            case ast.Name(name):
                return self._local[name] if name in self._local else Known(self._global(name))
            case ast.List(items) | ast.Tuple(items):
                return side_by_side(list(map(self.value, items)), type(node) is ast.Tuple)
            case ast.Dict(keys, items) if None not in keys:
                return dict_of([self.value(key) for key in keys if key], map(self.value, items))
            case ast.JoinedStr(parts):
                return joined_text([self._part(part) for part in parts])
            case ast.Attribute(of, name):
                return self._attribute(self.value(of), name)
            case ast.Subscript(ast.Attribute(of, "loc"), ast.Tuple([ast.Slice(None, None), key])):
                return columns_of(self._frame(of), self.value(key))
            case ast.Subscript(ast.Attribute(of, "iloc"), ast.Tuple([ast.Slice(None, None), key])):
                return column_at(self._frame(of), self.value(key))
            case ast.Subscript(ast.Attribute(of, "str"), key):
                return methods.part_of_text(self.value(of), _bounds(key))
            case ast.Subscript(of, key):
                return self._subscript(self.value(of), key)
            case ast.BinOp(one, op, other):
                return combined(type(op).__name__, self.value(one), self.value(other))
            case ast.Compare(one, [op], [other]):
                return compared(type(op).__name__, self.value(one), self.value(other))
            case ast.UnaryOp(op, of):
                return changed(type(op).__name__, self.value(of))
            case ast.BoolOp(op, parts):
                return any_or_all(isinstance(op, ast.Or), [self._condition(one) for one in parts])
            case ast.IfExp(test, body, orelse):
                taken = self.value(test)
                if isinstance(taken, Known):
                    return self.value(body if taken.value else orelse)
            case ast.ListComp(element, [ast.comprehension(target, over, tests, 0)]):
                listed = self.value(over)
                if isinstance(listed, Cell) and isinstance(target, ast.Name) and not tests:
                    args = ast.arguments([], [ast.arg(target.id)], None, [], [], None, [])
                    return libraries.mapped(
                        listed, worth_of(self._lambda(ast.Lambda(args, element)))
                    )
                return self._listed(element, target, listed, tests)
            case ast.GeneratorExp(element, [ast.comprehension(target, over, [], 0)]):
                return self._listed(element, target, self.value(over), [])
            case ast.Call(function, args, keywords):
                return self._call(function, args, keywords)
        raise NotTold

    def _part(self, node: ast.expr) -> Any:
        if isinstance(node, ast.FormattedValue) and node.conversion == -1 and not node.format_spec:
            return self.value(node.value)
        return self.value(node) if isinstance(node, ast.Constant) else not_told()

    def _global(self, name: str) -> Any:
        try:
            if name in self._enclosed:
                return self._enclosed[name].cell_contents
            return self._globals[name] if name in self._globals else getattr(builtins, name)
        except (ValueError, AttributeError) as error:
            raise NotTold from error

    def _attribute(self, of: Any, name: str) -> Any:
        match of, name:
            case Frame(), "columns":
                return Names(of)
            case Frame(), "values":
                return Array(lambda v: list(of.of(v).values()))
            case Frame(), "index":
                return Known(Ellipsis)  # of use as the index of another data frame alone
            case Frame(), _ if is_no_attribute(name):
                return Cell(lambda v: of.of(v)[name])
            case Cell(), "values":
                return of
            case Cell() | Array(), "shape" if type(of) is not Unnamed:
                return shape_of(of)
            case Cell(), "str" | "dt":
                return Accessor(of, name)
            case Accessor(Cell() as cell, "dt"), _:
                return methods.date_part(cell, name)
            case Known(owner), _ if owner is self._owner and owner is not None:
                static = inspect.getattr_static(owner, name, None)
                if name in vars(owner) or isinstance(
                    static, (FunctionType, staticmethod, str, int, float, list, tuple, dict)
                ):
                    return Known(getattr(owner, name))
            case Known(str() as text), "join":
                return Known(text.join)
            case Known(value), _ if value is str and hasattr(str, name):
                return Known(getattr(str, name))
            case Array(), "values":
                return Array(of.of)
            case Known(value), _ if library_of(type(value)) == "sklearn" and name in vars(value):
                return Known(vars(value)[name])
            case Known(ModuleType() as module), _ if hasattr(module, name):
                return Known(getattr(module, name))
        raise NotTold

    def _subscript(self, of: Any, key: ast.expr) -> Any:
        if isinstance(of, Known) and of.value is np.c_:
            items = key.elts if isinstance(key, ast.Tuple) else [key]
            return beside(tuple(map(self.value, items)))
        if isinstance(of, (Array, Cell)):
            return self._part_of_array(of, key)
        found = self.value(key)
        if isinstance(of, Several) and is_known(found, int):
            return (
                of.items[found.value]
                if -len(of.items) <= found.value < len(of.items)
                else not_told()
            )
        if isinstance(of, Frame):
            return columns_of(of, found)
        if isinstance(of, Known) and type(of.value) in (dict, list, tuple):
            if isinstance(found, Known):
                try:
                    return Known(of.value[found.value])
                except (KeyError, IndexError, TypeError) as error:
                    raise NotTold from error
            if isinstance(found, Item) and type(of.value) is dict:
                table = of.value
                return Item(lambda v: table[found.of(v)])
        raise NotTold

    def _part_of_array(self, of: Array | Cell, key: ast.expr) -> Any:
        match key:
            case ast.Tuple([ast.Slice(None, None, None) | ast.Constant(builtins.Ellipsis), *keys]):
                return part_of(of, [self._place(one) for one in keys])
        raise NotTold

    def _place(self, key: ast.expr) -> Any:
        if not isinstance(key, ast.Slice):
            return self.value(key)
        ends = (key.lower, key.upper, key.step)
        return Known(slice(*(None if end is None else known(self.value(end), int) for end in ends)))

    def _listed(self, element: ast.expr, target: ast.expr, over: Any, tests: list[ast.expr]) -> Any:
        """Return what a comprehension lists."""
        local = dict(self._local)
        made: list[tuple[Any, Any]] = []
        try:
            for item in items_in(over):
                self._bind(target, item)
                test = any_or_all(False, [self._condition(one) for one in tests])
                made.append((test, self.value(element)))
        finally:
            self._local = local
        if all(isinstance(test, Known) for test, _ in made):
            return side_by_side([item for test, item in made if test.value], False)
        if not all(isinstance(item, Known) for _, item in made):
            raise NotTold
        pairs = [(found_of(test), item.value) for test, item in made]
        return Item(lambda v: [value for test, value in pairs if test(v)])

    def _call(self, function: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]) -> Any:
        if any(one.arg is None for one in keywords):
            raise NotTold
        if isinstance(function, ast.Attribute):
            of = self.value(function.value)
            name = function.attr
            given = self._given(of, name, args, keywords)
            if type(of) in methods.OF_KINDS:
                return methods.OF_KINDS[type(of)](of, name, given)
            if isinstance(of, Known) and type(of.value) in (dict, list):
                return of_container(of.value, name, given)
        found = self.value(function)
        given = self._given(found, "", args, keywords)
        if not isinstance(found, Known):
            raise NotTold
        return self._called(found.value, given)

    def _given(
        self, of: Any, method: str, args: list[ast.expr], keywords: list[ast.keyword]
    ) -> dict[str, Any]:
        """Return the arguments of a call, by name or position."""
        nodes = {str(at): node for at, node in enumerate(args)}
        nodes |= {str(one.arg): one.value for one in keywords}
        given: dict[str, Any] = {}
        for name, node in nodes.items():
            if isinstance(node, ast.Lambda):
                is_of_frame = isinstance(of, Frame) and method == "assign"
                given[name] = self._of_frame(node) if is_of_frame else self._lambda(node)
            else:
                given[name] = self.value(node)
        return given

    def _of_frame(self, node: ast.Lambda) -> Callable[[Frame], Any]:
        """Return a function of a data frame that is given to ``assign``."""
        (argument,) = [one.arg for one in node.args.args] or not_told()

        def worth(frame: Frame) -> Any:
            local = dict(self._local)
            try:
                self._local[argument] = frame
                return self.value(node.body)
            finally:
                self._local = local

        return worth

    def _lambda(self, node: ast.Lambda) -> Known | Item:
        """Return a function that is given to ``apply`` or ``map``.

        What it knows beside its argument may be known with the row only.
        """
        params = {one.arg for one in node.args.args}
        used = {one.id for one in ast.walk(node.body) if isinstance(one, ast.Name)} - params
        bound: dict[str, Known | Item] = {}
        for name in used & {*self._local, *self._enclosed}:
            found = self._local.get(name)
            bound[name] = Known(self._global(name)) if found is None else found
            if not isinstance(bound[name], (Known, Item)):
                raise NotTold
        args = ast.arguments([], [ast.arg(name) for name in sorted(bound)], None, [], [], None, [])
        outer = ast.fix_missing_locations(ast.Expression(ast.Lambda(args, node)))
        made = eval(compile(outer, "<own row>", "eval"), self._globals)
        parts = [found_of(bound[name]) for name in sorted(bound)]
        if all(isinstance(one, Known) for one in bound.values()):
            return Known(made(*(part({}) for part in parts)))
        return Item(lambda v: made(*(part(v) for part in parts)))

    def _called(self, function: Any, given: dict[str, Any]) -> Any:
        """Return what a function returns."""
        if function is getattr and set(given) == {"0", "1"}:
            return self._attribute(given["0"], known(given["1"], str))
        if function is isinstance and isinstance(given.get("0"), (Frame, Array)):
            return Known(_is_of(given["0"], worth_of(given["1"])))
        if function is hasattr and set(given) == {"0", "1"}:
            return Known(_has(given["0"], known(given["1"], str)))
        if function is len and type(given.get("0")) in (Array, Cell):
            return RowCount()
        if function in (list, tuple) and isinstance(given.get("0"), Names):
            return given["0"]
        if function is list and isinstance(given.get("0"), Cell) and len(given) == 1:
            return given["0"]
        if function is map and isinstance(given.get("1"), Cell) and set(given) == {"0", "1"}:
            return libraries.mapped(given["1"], worth_of(given["0"]))
        if function in _OF_KNOWN and all(isinstance(one, Known) for one in given.values()):
            return Known(function(*(given[at].value for at in sorted(given))))
        if function is zip and all(isinstance(one, Known) for one in given.values()):
            return Known(list(zip(*(one.value for one in given.values()), strict=False)))
        found = libraries.of_library(function, given)
        if found is not None:
            return found
        owner = None
        if isinstance(function, MethodType) and function.__self__ is self._owner:
            function, owner = function.__func__, self._owner
        if not isinstance(function, FunctionType) or inspect.unwrap(function) is not function:
            raise NotTold
        args = [given[at] for at in sorted(name for name in given if name.isdigit())]
        named = {name: one for name, one in given.items() if not name.isdigit()}
        return self.read(function, owner, args, named)


def _is_of(found: Frame | Array, kind: Any) -> bool:
    """Tell whether a table is of a type, or of one of some."""
    is_frame = isinstance(found, (Frame, Unnamed))
    of = getattr(sys.modules.get("pandas"), "DataFrame", None) if is_frame else np.ndarray
    return of is not None and issubclass(of, kind)


def _has(found: Any, name: str) -> bool:
    """Tell whether a table, or a column of an array, has an attribute."""
    if type(found) is Array and hasattr(np.ndarray, name):
        return True
    if type(found) is Array:
        return False
    pandas = sys.modules.get("pandas")
    if isinstance(found, Frame) and pandas is not None and hasattr(pandas.DataFrame, name):
        return True
    raise NotTold


def _bounds(key: ast.expr) -> int | slice:
    """Return the place of a character, or of some."""
    match key:
        case ast.Constant(int(place)):
            return place
        case ast.Slice(None | ast.Constant(int()), None | ast.Constant(int()), None):
            ends = (end.value if isinstance(end, ast.Constant) else None for end in _ends(key))
            return slice(*ends)
    raise NotTold


def _ends(key: ast.Slice) -> tuple[ast.expr | None, ast.expr | None]:
    return key.lower, key.upper
