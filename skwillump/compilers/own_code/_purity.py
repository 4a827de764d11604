"""Functions of the user's own that give the same for the same, and do nothing else.

Of such a function it is enough to ask once for each different value of a column.
"""

import builtins
import dis
import re
from types import CodeType, FunctionType
from typing import Any

_FUNCTIONS = {"len", "str", "int", "float", "bool", "abs", "min", "max", "round", "isinstance"}
"""Functions of Python's that may be called."""

_METHODS = {"get", "lower", "upper", "strip", "lstrip", "rstrip", "split", "title", "capitalize"}
_METHODS |= {"startswith", "endswith", "replace", "isdigit", "isalpha", "isupper", "count", "find"}
_METHODS |= {"join", "search", "match", "sub", "findall", "group"}
"""Methods of texts, dicts and patterns that may be called."""

_VALUES = {str, int, float, bool, dict, set, frozenset, list, tuple, range, re.Pattern, type(None)}
"""Types of what may be known beside the value."""

_CHANGED_IN_PLACE = {list, set, dict}
"""Types of those that ``+=`` or ``|=`` may change, whatever name they have."""

_CHANGES = {"STORE_GLOBAL", "STORE_ATTR", "STORE_SUBSCR", "STORE_DEREF", "DELETE_SUBSCR"}
_CHANGES |= {"IMPORT_NAME", "YIELD_VALUE", "DELETE_GLOBAL", "DELETE_ATTR"}


def is_pure(function: Any) -> bool:
    """Tell whether a function of one value depends on it alone, as far as its code shows."""
    if type(function) is not FunctionType or function.__defaults__ or function.__kwdefaults__:
        return False
    code = function.__code__
    if any(isinstance(one, CodeType) for one in code.co_consts):
        return False
    known = [cell.cell_contents for cell in function.__closure__ or ()]
    in_place = False
    for instruction in dis.get_instructions(code):
        if instruction.opname in _CHANGES:
            return False
        in_place |= instruction.opname == "BINARY_OP" and instruction.argrepr.endswith("=")
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            name = instruction.argval
            if name in function.__globals__:
                known.append(function.__globals__[name])
            elif name not in _FUNCTIONS or not hasattr(builtins, name):
                return False
        elif instruction.opname in ("LOAD_ATTR", "LOAD_METHOD") and (
            instruction.argval not in _METHODS
        ):
            return False
    changed = _CHANGED_IN_PLACE if in_place else set()
    return all(type(one) in _VALUES - changed for one in known)
