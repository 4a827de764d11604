"""The registry: from the exact type of a fitted object to what compiles it.

A compiler is a function from one fitted object to its compiled twin: a `Step` of a transformer, a
`Model` of a model. It is registered for an exact type: a subclass may have overridden anything, so
it is taken for its parent only where it overrides nothing that a prediction asks for. A compiler
that meets an option it does not know raises `Unsupported` with a reason that a user can act on. An
error in a compiler is such a reason too, since what it reads may be private to another version of
a library.

Models of other libraries are plug-ins. `PLUGINS` names, for the root module of a library, the
module of this package that registers compilers for its types. That module imports the library,
so it is imported when an object of the library is met: then the library is there already.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar, overload

from .._compat import library_of
from .._composites import is_passthrough
from ..kernels._jit import COMPILES
from ._features import has_set_output
from ._linear_maps import LinearMap
from ._models import Model
from ._row_map_step import original_step
from ._steps import Step
from ._unsupported import InputUnsupported, Unsupported

C = TypeVar("C", bound=Callable[[Any], Any])
M = TypeVar("M", bound=Model)

PLUGINS = {
    "lightgbm": ".models._lightgbm",
    "xgboost": ".models._xgboost",
    "catboost": ".models._catboost",
    "imblearn": ".models._imbalanced",
    "category_encoders": ".tables._category_encoders",
}
"""Root modules of other libraries, and the modules here that know their types."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is known of a type of fitted objects."""

    compiler: Callable[[Any], Any]  # from a fitted object of the type to its compiled twin
    gives: type  # what the compiler returns: `Step`, or a kind of `Model`
    # Whether the step is a linear map under some options, to be folded into a linear model.
    is_linear: bool
    # Other kinds of `Model` that the compiler returns under some options.
    or_gives: tuple[type, ...] = ()
    # Methods that a subclass may override: the compiler reads what they return.
    overridable: frozenset[str] = frozenset()

    def may_give(self, kind: type) -> bool:
        """Whether what is compiled may be of a kind."""
        return any(issubclass(given, kind) for given in (self.gives, *self.or_gives))


class Registry:
    """Compilers by the exact type of what they compile.

    Parameters
    ----------
    plugins : mapping of str to str
        See `PLUGINS`.
    """

    def __init__(self, plugins: Mapping[str, str]):
        self._entries: dict[type, tuple[Entry, ...]] = {}
        self._plugins = plugins
        self._unknown: dict[str, str] = {}  # libraries whose plug-in cannot be imported, and why

    def register(
        self,
        *types: type,
        gives: type = Step,
        is_linear: bool = False,
        or_gives: tuple[type, ...] = (),
        overridable: Iterable[str] = (),
    ) -> Callable[[C], C]:
        """Register the decorated compiler for exactly these types; see `Entry`."""

        def decorate(compiler: C) -> C:
            entry = Entry(
                compiler=compiler,
                gives=gives,
                is_linear=is_linear,
                or_gives=or_gives,
                overridable=frozenset(overridable),
            )
            for kind in types:
                self._entries[kind] = (*self._entries.get(kind, ()), entry)
            return compiler

        return decorate

    def find(self, fitted: Any, gives: type | None = None) -> Entry | None:
        """Return what is known of the type of a fitted object; None if that is nothing.

        Of a class that is compiled as a transformer and as a model, it is what ``gives`` asks for.
        """
        kind = type(fitted)
        if kind not in self._entries:
            for one in kind.__mro__:
                self._load(library_of(one))
        entries = self._entries.get(kind) or self._inherited(kind)
        return next((e for e in entries if gives is None or e.may_give(gives)), None)

    def _inherited(self, kind: type) -> tuple[Entry, ...]:
        """Return what is known of the parent that a class predicts as."""
        parent = next((one for one in kind.__mro__ if one in self._entries), object)
        return tuple(
            entry
            for entry in self._entries.get(parent, ())
            if predicts_as(kind, parent, entry.overridable)
        )

    def compile(self, fitted: Any, gives: type) -> Any:
        """Return the compiled twin of a fitted object.

        Parameters
        ----------
        fitted : estimator
            Fitted; it must not be changed afterwards.
        gives : type
            What is wanted, `Step` or a kind of `Model`.

        Raises
        ------
        Unsupported
            With the reason, if there is no such twin.
        """
        if not COMPILES:
            raise Unsupported("numba compiles nothing where NUMBA_DISABLE_JIT is set")
        entry = self.find(fitted, gives)
        if entry is None:
            library = library_of(type(fitted))
            why = f" ({self._unknown[library]})" if library in self._unknown else ""
            raise Unsupported(f"no compiler for {type(fitted).__name__}{why}")
        try:
            refuse_replaced_methods(fitted)
            compiled = entry.compiler(fitted)
            if not isinstance(compiled, gives):
                raise Unsupported(f"{type(fitted).__name__} is compiled as a model of another kind")
            return compiled
        except Unsupported:
            raise
        except InputUnsupported as reason:
            raise Unsupported(str(reason)) from reason
        except Exception as error:
            # Whatever a compiler did not find as it expected: the original still works.
            said = f"{type(error).__name__}: {error}"
            raise Unsupported(f"{type(fitted).__name__} could not be read ({said})") from error

    def types(self, gives: type | None = None, *, are_linear: bool = False) -> tuple[type, ...]:
        """Return the types of which compilers return `gives`, or all, sorted by name.

        Types of other libraries are among them where those are installed. With `are_linear`, only
        those that are folded into a linear model.
        """
        for library in self._plugins:
            if find_spec(library) is not None:
                self._load(library)
        return sorted_types(
            kind
            for kind, entries in self._entries.items()
            if any(
                gives in (None, entry.gives) and entry.is_linear >= are_linear for entry in entries
            )
        )

    def _load(self, library: str) -> None:
        module = self._plugins.get(library)
        if module is None or library in self._unknown:
            return
        try:
            import_module(module, __package__)
        except (ImportError, AttributeError) as error:  # a release lacks a class, or what it needs
            self._unknown[library] = str(error)


REGISTRY = Registry(PLUGINS)
"""The registry of this package."""

register = REGISTRY.register


_COMPILED: ContextVar[dict[int, tuple[Any, Step]] | None] = ContextVar("compiled", default=None)
"""Within `compiled_once`: what was compiled, with its twin, by its identity."""


@contextmanager
def compiled_once() -> Iterator[None]:
    """Context in which each fitted transformer is compiled once, however often that is asked for.

    A pipeline is compiled as a whole and read in its blocks, which are the same transformers.
    """
    token = _COMPILED.set({})
    try:
        yield
    finally:
        _COMPILED.reset(token)


def compile_step(fitted: Any) -> Step:
    """Compile a fitted transformer, or wrap it with the reason why it cannot be.

    Parameters
    ----------
    fitted : transformer
        Fitted; it must not be changed afterwards.

    Returns
    -------
    Step
        `OriginalStep` where something is not supported. Never raises for that.
    """
    known = _COMPILED.get()
    if known is None:
        return _compiled_step(fitted)
    if id(fitted) not in known:
        known[id(fitted)] = fitted, _compiled_step(fitted)
    return known[id(fitted)][1]


def _compiled_step(fitted: Any) -> Step:
    try:
        step: Step = REGISTRY.compile(fitted, Step)
        if step.gives_sparse or step.gives_matrix:
            refuse_set_output(fitted)
    except Unsupported as reason:
        return original_step(fitted, str(reason))
    return step


@overload
def compile_model(fitted: Any) -> Model: ...
@overload
def compile_model(fitted: Any, kind: type[M]) -> M: ...
def compile_model(fitted: Any, kind: type[Model] = Model) -> Model:
    """Return a fitted model as what turns scores into answers.

    Parameters
    ----------
    fitted : estimator
        Fitted; it must not be changed afterwards.
    kind : type
        The kind of model that is wanted; any by default.

    Raises
    ------
    Unsupported
        With the reason, for any other model.
    """
    model: Model = REGISTRY.compile(fitted, kind)
    return model


def predicts_largest(fitted: Any, method: str) -> bool:
    """Tell whether a classifier is known to predict the class of its largest response.

    Types are compared exactly: what a subclass predicts is its own affair, as is what a classifier
    with a decision threshold predicts.

    Parameters
    ----------
    fitted : classifier
    method : {"predict_proba", "decision_function"}
        What gives the response.
    """
    entry = REGISTRY.find(fitted, Model)
    if entry is None or not issubclass(entry.gives, Model):
        return False
    return entry.gives.predicts_largest(fitted, method)


def linear_map(fitted: Any) -> LinearMap:
    """Return a fitted transformer, or "passthrough", as a linear map.

    Raises
    ------
    Unsupported
        If it is none, or not known to be one.
    """
    if is_passthrough(fitted):
        return LinearMap()
    return compile_step(fitted).linear_map()


def registered_types() -> tuple[type, ...]:
    """Return the types of transformers that have a compiler, sorted by name."""
    return REGISTRY.types(Step)


def sorted_types(types: Iterable[type]) -> tuple[type, ...]:
    """Return types sorted by name, then by module."""
    return tuple(sorted(types, key=lambda kind: (kind.__name__, kind.__module__)))


_OF_FIT = {"__init__", "fit", "fit_transform", "partial_fit", "_parameter_constraints"}
_OF_CLASSES = {"__module__", "__doc__", "__qualname__", "__dict__", "__weakref__", "_abc_impl"}
_OF_CLASSES |= {"__annotations__", "__abstractmethods__", "__firstlineno__"}
_OF_CLASSES |= {"__static_attributes__", "_sklearn_auto_wrap_output_keys"}


def predicts_as(kind: type, parent: type, overridable: Iterable[str] = ()) -> bool:
    """Tell whether what a class overrides of a parent is of no matter once an object is fitted."""
    allowed = {*_OF_FIT, *_OF_CLASSES, *overridable}
    for own in kind.__mro__:
        if own in parent.__mro__:
            continue
        for name, member in vars(own).items():
            if name in allowed or (name.startswith("set_") and name.endswith("_request")):
                continue
            is_special = name.startswith("__") or hasattr(parent, name)
            if is_special or hasattr(type(member), "__set__"):
                return False
    return True


def refuse_replaced_methods(fitted: Any) -> None:
    """Raise `Unsupported` if an instance has a method of its own in place of its class's."""
    for name, value in vars(fitted).items():
        if callable(value) and callable(getattr(type(fitted), name, None)):
            raise Unsupported(f"its method {name!r} was replaced")


def refuse_set_output(fitted: Any) -> None:
    """Raise `Unsupported` if `set_output` was called on what would have to return sparse frames."""
    if has_set_output(fitted):
        raise Unsupported("set_output was called on it, and its features are sparse")
