"""Reads the source of a function of the user's own, statement by statement, for one row."""

import ast
import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import FunctionType
from typing import Any

from sklearn.utils.validation import check_is_fitted

from . import _values as values
from ._expressions import Expressions
from ._kinds import (
    Accessor,
    Cell,
    Frame,
    Item,
    Known,
    Names,
    NotTold,
    Several,
    Variables,
    is_known,
    key_of,
    names_in,
    operand,
)
from ._operators import items_in, text_name
from ._source import source_of

_DEEPEST = 4
"""Functions that call one another."""

_LONGEST = 1000
"""Statements, loops unrolled."""

ROW = 0
"""The variable that the row is, which the function at depth 0 is given."""

_SLOTS = itertools.count(ROW + 1)

Statement = Callable[[Variables], None]


def read_function(
    function: FunctionType,
    owner: Any,
    args: Sequence[Any],
    given: Mapping[str, Any],
    depth: int = 0,
) -> Any:
    """Return what a function returns.

    Parameters
    ----------
    owner : object or None
        What it is a method of.
    args, given : kinds of `_kinds`
        Its arguments, without the owner.

    Raises
    ------
    NotTold
        If it does what is not known here.
    """
    node = source_of(function)
    if node is None or depth > _DEEPEST:
        raise NotTold
    reader = _Reader(function, owner, args, given, depth)
    found = reader.body(node)
    if isinstance(found, (Known, Several)):
        if reader.statements:
            raise NotTold
        return found
    if not reader.statements:
        return found
    statements, of = tuple(reader.statements), found.of

    def result(v: Variables) -> Any:
        for do in statements:
            do(v)
        return of(v)

    return replace(found, of=result)


class _Reader(Expressions):
    """Reads one function."""

    def __init__(self, function: FunctionType, owner: Any, args: Any, given: Any, depth: int):
        super().__init__(function, owner, args, given)
        self._depth = depth
        self._slots: dict[str, int] = {}
        self.statements: list[Statement] = []
        for name, found in list(self._local.items()):
            if not depth and hasattr(found, "of"):
                self._slots[name] = ROW
            elif hasattr(found, "of"):  # what is given is worth what it was then
                self._named(name, found, self.statements)

    def read(self, function: FunctionType, owner: Any, args: Any, given: Any) -> Any:
        return read_function(function, owner, args, given, self._depth + 1)

    # Statements

    def body(self, node: ast.Lambda | ast.FunctionDef) -> Any:
        """Read the body of the function, and return what is returned."""
        if isinstance(node, ast.Lambda):
            return self.value(node.body)
        found = self._block(node.body, self.statements)
        if found is None:
            raise NotTold
        return found

    def _block(
        self, nodes: Sequence[ast.stmt], into: list[Statement], *, returns: bool = True
    ) -> Any:
        """Read statements; return what is returned, None if they go on."""
        for at, node in enumerate(nodes):
            if len(into) > _LONGEST:
                raise NotTold
            match node:
                case ast.Expr(ast.Constant()) | ast.Pass():
                    continue
                case ast.Return(ast.expr() as value) if returns and into is self.statements:
                    return self.value(value)
                case ast.Expr(ast.Call() as call):
                    self._done(call, into)
                case ast.Assign([target], value):
                    self._assigned(target, self.value(value), into)
                case ast.AnnAssign(target, _, ast.expr() as value):
                    self._assigned(target, self.value(value), into)
                case ast.AugAssign(target, op, value):
                    shown = ast.parse(ast.unparse(target), mode="eval").body
                    self._assigned(target, self.value(ast.BinOp(shown, op, value)), into)
                case ast.Delete([ast.Subscript(of, key)]):
                    self._deleted(self._frame(of), self.value(key), into)
                case ast.If(test, body, orelse):
                    found = self._condition(test)
                    if isinstance(found, Known):
                        taken = body if found.value else orelse
                        return self._block([*taken, *nodes[at + 1 :]], into, returns=returns)
                    if _leaves(body) and not orelse:
                        if not isinstance(body[0], ast.Continue):
                            into.append(_refusing(found))
                            continue
                        self._branch(found, [], nodes[at + 1 :], into)
                        return None
                    self._branch(found, body, orelse, into)
                case ast.For(target, over, body, []):
                    self._loop(target, self.value(over), body, into)
                case ast.Continue():
                    return None
                case _:
                    raise NotTold
        return None

    def _done(self, call: ast.Call, into: list[Statement]) -> None:
        """Read a call of which nothing is taken."""
        match call:
            case ast.Call(ast.Attribute(ast.Name() as of, method), args, keywords) if any(
                one.arg == "inplace" for one in keywords
            ):
                others = [one for one in keywords if one.arg != "inplace"]
                frame = self.value(of)
                if not isinstance(frame, Frame) or method not in ("drop", "fillna", "rename"):
                    raise NotTold
                made = self.value(ast.Call(ast.Attribute(of, method, ast.Load()), args, others))
                self._in_place(frame, made, into)
                return
            case ast.Call(ast.Name() as function):
                found = self.value(function)
                if isinstance(found, Known) and found.value is check_is_fitted:
                    return
        raise NotTold

    @staticmethod
    def _in_place(frame: Frame, made: Frame, into: list[Statement]) -> None:
        def do(v: Variables) -> None:
            row, new = frame.of(v), made.of(v)
            row.clear()
            row.update(new)

        into.append(do)

    def _assigned(self, target: ast.expr, found: Any, into: list[Statement]) -> None:
        match target:
            case ast.Name(name):
                self._named(name, found, into)
            case ast.Tuple(targets) if isinstance(found, Several) and len(targets) == len(
                found.items
            ):
                for one, item in zip(targets, found.items, strict=True):
                    self._assigned(one, item, into)
            case ast.Subscript(ast.Attribute(of, "loc"), ast.Tuple([ast.Slice(None, None), key])):
                self._put(self._frame(of), self.value(key), found, into)
            case ast.Subscript(ast.Attribute(of, "loc"), ast.Tuple([rows, key])):
                self._put_where(self._frame(of), self.value(rows), self.value(key), found, into)
            case ast.Subscript(of, key):
                self._put(self._frame(of), self.value(key), found, into)
            case _:
                raise NotTold

    def _named(self, name: str, found: Any, into: list[Statement]) -> None:
        if isinstance(found, (Known, Several, Names, Accessor)):
            if name in self._fixed:
                raise NotTold
            self._local[name] = self._kept(found, into)
            return
        before = self._local.get(name)
        if name in self._fixed and type(before) is not type(found):
            raise NotTold
        if name in self._slots and type(before) is type(found):
            slot = self._slots[name]
        elif name in self._fixed:
            raise NotTold
        else:
            slot = self._slots[name] = next(_SLOTS)
        of = found.of

        def do(v: Variables) -> None:
            v[slot] = of(v)

        into.append(do)
        self._local[name] = replace(found, of=lambda v: v[slot])

    def _kept(self, found: Any, into: list[Statement]) -> Any:
        """Return what columns are worth now, whatever the names in them stand for later."""
        match found:
            case Several(items, names):
                return Several(tuple(self._kept(item, into) for item in items), names)
            case Accessor(base, name):
                return Accessor(self._kept(base, into), name)
            case Names(frame):
                of = frame.of
                return Names(self._kept(Frame(lambda v: dict(of(v))), into))
        if not hasattr(found, "of"):
            return found
        slot, worth = next(_SLOTS), found.of

        def do(v: Variables) -> None:
            v[slot] = worth(v)

        into.append(do)
        return replace(found, of=lambda v: v[slot])

    @staticmethod
    def _put(frame: Frame, key: Any, found: Any, into: list[Statement]) -> None:
        of = frame.of
        if isinstance(found, Frame) or (isinstance(key, Known) and not is_known(key, str)):
            names = names_in(key)
            if not isinstance(found, Frame):
                raise NotTold
            made = found.of

            def do_all(v: Variables) -> None:
                row, new = of(v), list(made(v).values())
                row.update(zip(names, new, strict=True))

            into.append(do_all)
            return
        name, value = key_of(key), operand(found)

        def do(v: Variables) -> None:
            made = value(v)
            of(v)[text_name(name(v))] = made

        into.append(do)

    @staticmethod
    def _put_where(frame: Frame, rows: Any, key: Any, new: Any, into: list[Statement]) -> None:
        if not isinstance(rows, Cell):
            raise NotTold
        of, name, value = frame.of, key_of(key), operand(new)

        def do(v: Variables) -> None:
            row, at = of(v), name(v)
            row[at] = values.put(rows.of(v), value(v), row[at])

        into.append(do)

    @staticmethod
    def _deleted(frame: Frame, key: Any, into: list[Statement]) -> None:
        name = key_of(key)

        def do(v: Variables) -> None:
            del frame.of(v)[name(v)]

        into.append(do)

    def _branch(
        self, test: Item, body: Sequence[ast.stmt], orelse: Sequence[ast.stmt], into: Any
    ) -> None:
        """Read statements of which a row decides whether they are done."""
        branches = []
        for nodes in (body, orelse):
            done: list[Statement] = []
            self._inside(functools.partial(self._block, nodes, done))
            branches.append(tuple(done))
        taken, other = branches

        def do(v: Variables) -> None:
            for each_do in taken if test.of(v) else other:
                each_do(v)

        into.append(do)

    def _inside(self, read: Callable[[], Any]) -> None:
        """Read what is done some times, or not at all: names in it are not known after it."""
        local, fixed = dict(self._local), self._fixed
        self._fixed = set(local)
        try:
            if read() is not None:
                raise NotTold
        finally:
            self._local = local
            self._fixed = fixed

    def _loop(
        self, target: ast.expr, over: Any, body: Sequence[ast.stmt], into: list[Statement]
    ) -> None:
        if isinstance(over, Names):
            slot = next(_SLOTS)
            done: list[Statement] = []

            def read() -> None:
                if not isinstance(target, ast.Name):
                    raise NotTold
                self._fixed.discard(target.id)
                self._local[target.id] = Item(lambda v: v[slot])
                self._block(body, done)

            self._inside(read)
            of = over.frame.of

            def do(v: Variables) -> None:
                for name in list(of(v)):
                    v[slot] = name
                    for each_do in done:
                        each_do(v)

            into.append(do)
            return
        for item in items_in(self._kept(over, into)):
            self._bind(target, item)
            self._block(body, into, returns=False)


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether nothing is done where a condition holds, or an error is raised."""
    return len(body) == 1 and isinstance(body[0], (ast.Continue, ast.Raise))


def _refusing(test: Item) -> Statement:
    def do(v: Variables) -> None:
        if test.of(v):
            raise values.refused(v)

    return do
