"""How numba compiles kernels: with the passes that do something to them, and no more.

Most of the time until a kernel can be called goes into numba's own Python. It is cut in three ways,
by numba's option `pipeline_class`, so that what others compile in the same process is not touched;
what LLVM does, in one:

1. Passes are left out for what no kernel has: closures, list comprehensions, array expressions,
   code that a user may want to see annotated. After each pass numba analyses the whole function
   anew. What is kept decides branches on ``argument is None``: what they lead to is not compiled.
2. The flags of a function are asked for at every call in it. Theirs do not change: what they are
   compared by is computed once.
3. What a built-in function returns for some types is asked for at every call, too, which tries one
   declaration after the other. What was found is remembered.
4. What is only inlined into kernels becomes no machine code of its own. LLVM optimises it all the
   same: without that, the walk over characters was a tenth slower. Kernels of trees are as fast
   where it is only simplified, which takes a sixth less of the time to compile them.

The last three use what numba does not promise, and which passes there are differs by release. So
all of this is for releases that were tried: `_jit` does not ask for it in a later one.
"""

from typing import Any

import numba.core.codegen
from numba.core.compiler import CompilerBase, DefaultPassBuilder, Flags
from numba.core.types import Function, NumberClass, Type
from numba.core.typing import Context

_Library: Any = getattr(numba.core.codegen, "JITCodeLibrary", None)
"""What holds code in numba; None in a version that is unlike those that were tried."""

_LEFT_OUT = frozenset(
    (
        "WithLifting",
        "InlineClosureLikes",
        "RewriteSemanticConstants",
        "RewriteDynamicRaises",
        "MakeFunctionToJitFunction",
        "InlineInlinables",
        "FindLiterallyCalls",
        "LiteralUnroll",
        "LiteralPropagationSubPipelinePass",
        "InlineOverloads",
        "NopythonRewrites",
        "NoPythonSupportedFeatureValidation",
        "AnnotateTypes",
        "DumpParforDiagnostics",
    )
)
"""Names of passes that change no kernel. One that numba does not have is not missed."""


class _SettledFlags(Flags):
    """Flags that change no more."""

    __slots__ = ("_all", "_hash")

    def __init__(self, flags: Flags):
        super().__init__(flags)
        self._all = super().values()
        self._hash = super().__hash__()

    def values(self) -> dict[str, Any]:
        """Return all of them."""
        return self._all

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)


class _KernelFlags(Flags):
    """Flags of which numba makes a copy that it asks while a function is compiled."""

    __slots__ = ()

    def copy(self) -> _SettledFlags:
        """Return that copy."""
        return _SettledFlags(self)


_SIGNATURES: dict[tuple[Any, tuple[Any, ...]], Any] = {}
"""What built-in functions return, by function and types of arguments."""


class _Typing(Context):
    """numba's context of types, with a memory of what built-in functions return."""

    def __init__(self, context: Context):
        self.__dict__ = context.__dict__

    def resolve_function_type(self, func: Any, args: Any, kws: Any) -> Any:
        """Return the signature of a call."""
        # numba makes a function of a type like `np.uint64` anew for each call.
        is_made = isinstance(func, Function) and isinstance(func.typing_key, Type)
        if kws or is_made or not isinstance(func, Function | NumberClass):
            return super().resolve_function_type(func, args, kws)
        key = func, tuple(args)
        signature = _SIGNATURES.get(key)
        if signature is None:
            signature = _SIGNATURES[key] = super().resolve_function_type(func, args, kws)
        return signature


class KernelCompiler(CompilerBase):
    """Compiles functions that Python calls."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.state.typingctx = _Typing(self.state.typingctx)
        self.state.flags = _KernelFlags(self.state.flags)

    def define_pipelines(self) -> list[Any]:
        """Return numba's passes but for those that change nothing."""
        manager = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes = dict(manager.passes)  # once each: branches are pruned, say, three times
        manager.passes = [
            (kind, reason) for kind, reason in passes.items() if kind.__name__ not in _LEFT_OUT
        ]
        return [manager]


class InlinedCompiler(KernelCompiler):
    """Compiles functions that only kernels call, which take them in."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if _Library is not None:
            codegen = self.state.targetctx.codegen()
            self.state.library = self._made_library(codegen)

    def _made_library(self, codegen: Any) -> Any:
        """Return what is to hold the function's code."""
        return _InlinedLibrary(codegen, "inlined")


class SimplifiedCompiler(InlinedCompiler):
    """Compiles such functions, and leaves it to the kernels that take them in to optimise them."""

    def _made_library(self, codegen: Any) -> Any:
        return _SimplifiedLibrary(codegen, "inlined")


if _Library is not None:

    class _NoEnvironments:
        """In place of the engine that runs machine code, which would be told of each function."""

        def set_env(self, name: str, environment: Any) -> None:
            """Do nothing."""

    class _InlinedLibrary(_Library):
        """Optimised code for other functions to take in."""

        def _finalize_final_module(self) -> None:
            self._finalize_dynamic_globals()
            self._finalized = True

        def get_pointer_to_function(self, name: str) -> int:
            """Return zero, as for what is not there."""
            self._ensure_finalized()
            return 0

        @property
        def codegen(self) -> _NoEnvironments:
            """What machine code would be registered with."""
            return _NoEnvironments()

    class _SimplifiedLibrary(_InlinedLibrary):
        """The same, of which LLVM has only taken in what is called, and simplified it."""

        def _optimize_final_module(self) -> None:
            made = self._codegen._module_pass_manager(
                loop_vectorize=False, slp_vectorize=False, opt=0, cost="cheap"
            )
            # Newer releases return beside the passes what builds them.
            passes, *builder = made if isinstance(made, tuple) else (made,)
            passes.run(self._final_module, *builder)
