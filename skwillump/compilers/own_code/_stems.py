"""Functions of the user's own that stem words: a library is asked once for each word.

A tokenizer of the user's own mostly waits for a stemmer, which gives the same for the same word.
So its own code runs as it is, but in the place of NLTK's stemmers that it reaches, by a global
name, an attribute, a default or a closure, stand ones that remember what they gave. What else it
reaches is looked at before each call: where something was changed since, it is made ready anew.
"""

import dis
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from operator import is_, itemgetter
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from sklearn.preprocessing import FunctionTransformer

_LIBRARY = "nltk"

_METHODS = dict.fromkeys(
    [
        f"{_LIBRARY}.stem.{name}"
        for name in [
            "arlstem",
            "arlstem2",
            "cistem",
            "isri",
            "lancaster",
            "porter",
            "regexp",
            "rslp",
            "snowball",
        ]
    ],
    "stem",
)
_METHODS |= {
    f"{_LIBRARY}.stem.wordnet": "lemmatize",
    f"{_LIBRARY}.corpus.reader.wordlist": "words",
}
"""Modules whose classes give the same for the same words, and by which method."""

_CLASSES = {"PorterStemmer", "SnowballStemmer", "WordNetLemmatizer", "RegexpStemmer", "Cistem"}
"""Classes of such modules whose objects keep nothing of a word: one object may serve all calls."""

_NAMES = {*_CLASSES, "stopwords"}
"""What is found in the library by its name."""

_MODULES = {_LIBRARY, f"{_LIBRARY}.corpus", f"{_LIBRARY}.stem", *_METHODS}

MOST_WORDS = 1 << 16
"""Words that a stemmer remembers, at most; then it begins anew."""

LONGEST_WORD = 64
"""Characters of a word that is remembered, at most."""

_REFUSED_NAMES = {"globals", "locals", "vars", "exec", "eval", "__import__"}
_FITS = {"__init__", "fit", "fit_transform", "partial_fit", "set_params"}
"""Methods that may change an object: twins are called for what it does after that."""

_ABSENT = object()


class _Refused(Exception):
    """What a function reaches may be changed while it runs."""


class _Stemmer:
    """A stemmer that remembers; all else is the original's."""

    def __init__(self, original: Any):
        method = _METHODS[type(original).__module__]
        remembering = remembering_words(getattr(original, method), _words_of(original))
        vars(self).update({"_original": original, method: remembering})

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_original"], name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(vars(self)["_original"])


class _StemmerClass:
    """A class of stemmers, whose objects remember."""

    def __init__(self, original: type, made: dict[Any, Any]):
        self._original = original
        self._made = made

    def __call__(self, *args: Any, **named: Any) -> Any:
        key = (self._original, args, tuple(named.items()))
        try:
            found = self._made.get(key)
        except TypeError:  # an argument without a hash
            return self._original(*args, **named)
        if found is None:
            found = self._made[key] = _Stemmer(self._original(*args, **named))
        return found

    def __instancecheck__(self, other: Any) -> bool:
        return isinstance(other, self._original)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _Module:
    """The library, whose stemmers remember."""

    def __init__(self, original: ModuleType, made: dict[Any, Any]):
        self._original = original
        self._made = made

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._original, name)
        key = (name, id(found))
        if key not in self._made:
            self._made[key] = self._twin(name, found)
        twin = self._made[key]
        return found if twin is None else twin

    def _twin(self, name: str, found: Any) -> Any:
        """Return what stands for a value of the module; None if that is the value itself."""
        if name in _CLASSES and isinstance(found, type):
            return _StemmerClass(found, self._made)
        if isinstance(found, ModuleType) and found.__name__ in _MODULES:
            return _Module(found, self._made)
        return _Stemmer(found) if type(found).__module__ in _METHODS else None


Words = dict[Any, Any]
"""What a stemmer gave, by word."""

_WORDS: WeakKeyDictionary[Any, tuple[tuple[Any, ...], Words]] = WeakKeyDictionary()
"""What stemmers gave as they are now: it serves all functions that ask the same stemmer."""


def _words_of(stemmer: Any) -> Words:
    state = tuple(vars(stemmer).values())
    known = _WORDS.get(stemmer)
    if known is None or len(known[0]) != len(state) or not all(map(is_, known[0], state)):
        known = _WORDS[stemmer] = state, {}
    return known[1]


def remembering_words(function: Callable[..., Any], made: Words) -> Callable[..., Any]:
    """Return a function of a word that looks up what it gave before."""

    def of_word(word: Any, *more: Any, **named: Any) -> Any:
        key = (word, more, *named.items()) if more or named else word
        if type(word) is not str or len(word) > LONGEST_WORD:
            return function(word, *more, **named)
        try:
            found = made.get(key)
        except TypeError:
            return function(word, *more, **named)
        if found is None:
            found = function(word, *more, **named)
            if type(found) is not str:
                if type(found) is not list or any(type(one) is not str for one in found):
                    return found
                found = tuple(found)
            if len(made) >= MOST_WORDS:
                made.clear()
            made[key] = found
        return found if type(found) is str else list(found)

    return of_word


Read = Callable[[], Collection[Any]]
"""Reads what something stands for now."""


def _reader(there: Mapping[str, Any], names: Iterable[str]) -> Read:
    """Return a function that reads what names stand for."""
    names = tuple(names)
    if len(names) < 2:
        return lambda: [there[name] for name in names]
    return partial(itemgetter(*names), there)


class _Twins:
    """Twins of a function, and of what it reaches in the package that it is from."""

    def __init__(self, package: str):
        self._package = package
        self._twins: dict[int, Any] = {}
        self._kept: list[Any] = []  # whose ids are known
        self._stemmers: dict[Any, Any] = {}
        self.seen: list[tuple[Read, tuple[Any, ...]]] = []

    def of(self, value: Any) -> Any:
        """Return what stands for a value: itself where no stemmer is reached."""
        if id(value) in self._twins:
            return self._twins[id(value)]
        self._twins[id(value)] = value  # while it is looked at
        self._kept.append(value)
        self._twins[id(value)] = twin = self._made(value)
        return twin

    def _sees(self, read: Read) -> None:
        self.seen.append((read, tuple(read())))

    def _made(self, value: Any) -> Any:
        kind = type(value)
        if kind is FunctionType:
            return self._function(value) if self._is_own(value) else value
        if kind is MethodType:
            return self._method(value)
        if kind is partial:
            function, args = self.of(value.func), [self.of(one) for one in value.args]
            named = {name: self.of(one) for name, one in value.keywords.items()}
            before = [value.func, *value.args, *value.keywords.values()]
            after = [function, *args, *named.values()]
            return partial(function, *args, **named) if _differ(before, after) else value
        if kind is ModuleType:
            return _Module(value, self._stemmers) if value.__name__ in _MODULES else value
        if isinstance(value, type):
            is_it = value.__module__ in _METHODS and value.__name__ in _CLASSES
            return _StemmerClass(value, self._stemmers) if is_it else value
        if kind.__module__ in _METHODS and hasattr(value, _METHODS[kind.__module__]):
            self._sees(vars(value).values)
            return _Stemmer(value)
        if self._is_own(kind) or kind is FunctionTransformer:
            return self._object(value)
        return value

    def _is_own(self, value: Any) -> bool:
        return package_of(value) == self._package

    def _method(self, value: MethodType) -> Any:
        owner, name = value.__self__, value.__name__
        if _METHODS.get(type(owner).__module__) == name:
            self._sees(vars(owner).values)
            return remembering_words(value, _words_of(owner))
        twin = self.of(owner)
        return value if twin is owner else getattr(twin, name)

    def _function(self, value: FunctionType) -> FunctionType:
        names = {name for code in _codes(value.__code__) for name in _names_read(code)}
        seen = {n: value.__globals__[n] for n in sorted(names) if n in value.__globals__}
        asks_library = any(_NAMES & set(code.co_names) for code in _codes(value.__code__))
        twins = {
            name: self.of(one) if asks_library or not isinstance(one, ModuleType) else one
            for name, one in seen.items()
        }
        cells = value.__closure__ or ()
        inner = [_content(cell) for cell in cells]
        inner_twins = [one if one is _ABSENT else self.of(one) for one in inner]
        given, named = value.__defaults__ or (), value.__kwdefaults__ or {}
        given_twins = [self.of(one) for one in given]
        named_twins = {name: self.of(one) for name, one in named.items()}
        before = [*seen.values(), *inner, *given, *named.values()]
        after = [*twins.values(), *inner_twins, *given_twins, *named_twins.values()]
        if not _differ(before, after):
            return value
        twin = FunctionType(
            value.__code__,
            {**value.__globals__, **twins},
            value.__name__,
            tuple(given_twins) if value.__defaults__ else None,
            tuple(
                cell if one is other else CellType(other)
                for cell, one, other in zip(cells, inner, inner_twins, strict=True)
            ),
        )
        twin.__kwdefaults__ = named_twins or None
        twin.__qualname__ = value.__qualname__
        vars(twin).update(vars(value))
        self._sees(_reader(value.__globals__, seen))
        if cells:
            self._sees(lambda: [_content(cell) for cell in cells])
        return twin

    def _object(self, value: Any) -> Any:
        kind = type(value)
        classes = [one for one in kind.__mro__ if self._is_own(one)]
        if not hasattr(value, "__dict__") or any(_is_unusual(one) for one in classes):
            return value
        methods: dict[str, Any] = {}
        for one in reversed(classes):
            methods |= {name: held for name, held in vars(one).items() if name not in _FITS}
        held, own = vars(value), {n: m for n, m in methods.items() if not n.startswith("__")}
        if "__call__" in methods:
            own["__call__"] = methods["__call__"]
        attributes = {name: self.of(one) for name, one in held.items()}
        changed = {
            name: twin for name, one in own.items() if (twin := self._member(one)) is not one
        }
        if not (changed or _differ(held.values(), attributes.values())):
            return value
        for one in own.values():
            if isinstance(one, FunctionType) and _sets_attributes(one):
                raise _Refused
        if changed:
            names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
            made: Any = type(kind)
            kind = made(kind.__name__, (kind,), names | changed)
        twin = object.__new__(kind)
        vars(twin).update(attributes)
        self._sees(held.values)
        return twin

    def _member(self, member: Any) -> Any:
        if isinstance(member, staticmethod | classmethod):
            twin = self.of(member.__func__)
            return member if twin is member.__func__ else type(member)(twin)
        return self.of(member)


class RememberingStems:
    """A function of the user's own, whose stemmers remember what they gave.

    Parameters
    ----------
    function : callable
        The original, which a pickle holds.
    """

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        self._twin, self._seen = _twin_of(function)

    def __call__(self, *args: Any, **named: Any) -> Any:
        if self._is_changed():
            self._twin, self._seen = _twin_of(self.function)
        return self._twin(*args, **named)

    def _is_changed(self) -> bool:
        """Tell whether anything that was read when the twin was made is another by now."""
        try:
            for read, values in self._seen:
                found = read()
                if len(found) != len(values) or not all(map(is_, found, values)):
                    return True
        except KeyError:  # a name is gone
            return True
        return False

    def __reduce__(self) -> Any:
        return remembering_stems, (self.function,)


def remembering_stems(function: Any) -> Any:
    """Return a function whose stemmers remember; itself where it reaches none.

    Parameters
    ----------
    function : callable
        Of the user's own: a function, a method, or an object that is called.
    """
    if _LIBRARY not in sys.modules or isinstance(function, RememberingStems):
        return function
    twin, _ = _twin_of(function)
    return function if twin is function else RememberingStems(function)


def _twin_of(function: Any) -> tuple[Any, list[tuple[Read, tuple[Any, ...]]]]:
    of = function
    while isinstance(of, partial | MethodType):
        of = of.func if isinstance(of, partial) else of.__self__
    if isinstance(of, FunctionTransformer):
        of = of.func
    twins = _Twins(package_of(of if isinstance(of, FunctionType) else type(of)))
    try:
        return twins.of(function), twins.seen
    except _Refused:
        return function, []


def package_of(value: Any) -> str:
    """Return the root of the module of a function or a class."""
    return str(getattr(value, "__module__", None) or "").partition(".")[0]


def _differ(before: Iterable[Any], after: Iterable[Any]) -> bool:
    return any(one is not other for one, other in zip(before, after, strict=True))


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return _ABSENT


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the code of a function and of those inside it."""
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from _codes(one)


def _names_read(code: CodeType) -> set[str]:
    """Return the global names that are read.

    Raises
    ------
    _Refused
        If any is set, or may be in a way that does not show.
    """
    found = set()
    for instruction in dis.get_instructions(code):
        name = instruction.opname
        if name in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            raise _Refused
        if name == "STORE_DEREF" and instruction.argval in code.co_freevars:
            raise _Refused
        if name in ("LOAD_GLOBAL", "LOAD_NAME"):
            found.add(instruction.argval)
    if found & _REFUSED_NAMES:
        raise _Refused
    return found


def _sets_attributes(function: FunctionType) -> bool:
    return any(
        instruction.opname in ("STORE_ATTR", "DELETE_ATTR")
        for code in _codes(function.__code__)
        for instruction in dis.get_instructions(code)
    )


def _is_unusual(kind: type) -> bool:
    """Tell whether attributes of an object of a class may be other than what it holds."""
    special = {"__slots__", "__getattribute__", "__getattr__", "__setattr__", "__init_subclass__"}
    return bool(special & set(vars(kind))) or any(
        isinstance(one, property) for one in vars(kind).values()
    )
