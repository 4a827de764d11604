"""What the cascade and the ranker are to scikit-learn: parameters, metadata and tags."""

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from time import perf_counter
from typing import Any, ClassVar

from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils import Bunch, get_tags
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing

from .._compat import (
    CallbackSupportMixin,
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    check_answers,
    routing_enabled,
)
from .._compiled import CompilesItself
from .._persistence import VersionedState

_AFTER_FIT = "it is there after fit"


class BlockMetaEstimator(
    CompilesItself, VersionedState, CallbackSupportMixin, MetaEstimatorMixin, BaseEstimator
):
    """Parameters that a cascade and a ranker share, and what scikit-learn asks of both.

    `BlockwiseEstimator` has what `fit` does with them.
    """

    estimator: Any
    confidence: Any
    cv: Any
    refit: bool
    approx_estimator: Any
    feature_costs: dict[str, float] | None
    compile: bool
    memory: Any
    n_jobs: int | None
    random_state: Any
    verbose: int

    _use_instead: ClassVar[dict[str, str]] = {
        "explain": (
            "report() tells what was decided and why, compile_pipeline(fitted.estimator_).explain()"
            " which steps are compiled"
        ),
        "named_steps": "estimator_ is the fitted estimator",
        "estimator_": _AFTER_FIT,
        "stages_": _AFTER_FIT,
        "blocks_": _AFTER_FIT,
        "tradeoff_": _AFTER_FIT,
        "guarantee_": _AFTER_FIT,
    }
    """What to use instead of names that others have, and that somebody may look for here."""

    _parameter_constraints: dict = {
        # Some show their predict only when they are fitted.
        "estimator": [HasMethods(["fit"])],
        "confidence": [Interval(Real, 0, 1, closed="neither"), None],
        "cv": [
            "cv_object",
            StrOptions({"prefit"}),
            Interval(RealNotInt, 0.0, 1.0, closed="neither"),
        ],
        "refit": ["boolean"],
        "approx_estimator": [HasMethods(["fit", "predict"]), None],
        "feature_costs": [dict, None],
        "compile": ["boolean"],
        "memory": [str, HasMethods(["cache"]), None],
        "n_jobs": [
            Interval(Integral, None, -1, closed="right"),
            Interval(Integral, 1, None, closed="left"),
            None,
        ],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __getattr__(self, name: str) -> Any:
        lacks = f"{type(self).__name__!r} object has no attribute {name!r}"
        instead = self._use_instead.get(name)
        raise AttributeError(f"{lacks}: {instead}." if instead else lacks)

    # What the parameters say -----------------------------------------------------------------

    def _is_prefit(self) -> bool:
        return isinstance(self.estimator, FrozenEstimator) or (
            isinstance(self.cv, str) and self.cv == "prefit"
        )

    def _check_prefit(self) -> None:
        try:
            check_answers(self.estimator)
        except NotFittedError as error:
            raise NotFittedError(
                "cv='prefit' needs an estimator that is already fitted. Fit it on other rows than "
                f"those given to {type(self).__name__}.fit, or use another cv."
            ) from error

    def _logger(self) -> Callable[[str], None]:
        """What prints messages, each with the time since it was made; nothing if not verbose."""
        start = perf_counter()

        def log(message: str) -> None:
            if self.verbose:
                print(f"[{type(self).__name__}] {perf_counter() - start:6.1f} s  {message}")

        return log

    def _n_threads(self) -> int:
        return 1 if self.n_jobs is None else effective_n_jobs(self.n_jobs)

    # Metadata and tags -----------------------------------------------------------------------

    def _route(self, params: dict[str, Any]) -> Bunch:
        """Metadata for the estimator, the splitter and what else takes some."""
        if routing_enabled():
            return process_routing(self, "fit", **params)
        return self._routed_by_hand(params)

    def _routed_by_hand(self, params: Mapping[str, Any]) -> Bunch:
        """The same where scikit-learn's metadata routing is off."""
        return Bunch(estimator=Bunch(fit=dict(params)), splitter=Bunch(split={}))

    def get_metadata_routing(self):
        """Get metadata routing of this object.

        Returns
        -------
        routing : MetadataRouter
            A :class:`~sklearn.utils.metadata_routing.MetadataRouter` with what this object asks
            for itself (`subgroups`, `groups`), and the routes of `fit` to the estimator's `fit`,
            the splitter and, of a cascade, the scorer.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        fits = MethodMapping().add(caller="fit", callee="fit")
        splits = MethodMapping().add(caller="fit", callee="split")
        router.add(estimator=self.estimator, method_mapping=fits)
        return router.add(splitter=self.cv, method_mapping=splits)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.estimator)
        tags.input_tags = inner.input_tags
        tags.target_tags = inner.target_tags
        tags.non_deterministic = inner.non_deterministic
        return tags
