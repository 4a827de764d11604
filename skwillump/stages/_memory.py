"""What `fit` found out, kept on disk: fits that differ only in what is planned find it there."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import joblib
from sklearn.utils.validation import check_memory

from .._compat import library_of
from .._warnings import warn_caller
from ._costs import BlockCosts

PLANNED_WITH = frozenset(
    {"accuracy_target", "precision_target", "confidence", "k", "verbose", "n_jobs", "memory"}
)
"""Parameters that change the plan, not what it is made from, or neither."""

PACKAGES = ("skwillump", "scikit-learn", "numpy", "scipy", "joblib", "numba")
"""A change of one of them makes what was kept stale, as does one of a library of the estimator."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What is kept of a `fit`: all but the plan."""

    estimator: Any  # the full model
    calibrated: Any  # Calibrated
    # Whether folds were fitted with what the full model had found, and did not search again.
    is_settled: bool
    reason: str  # why there are no stages; empty where there is something to plan with
    costs: BlockCosts | None  # what blocks cost, where that is why
    # The target at which it was seen early that nothing can pay, which holds at higher ones too;
    # None where all was found out that there is.
    ended_at: float | None = None


def recall(
    memory: Any,
    estimator: Any,
    given: dict[str, Any],
    fit: Callable[[bool], Fitted],
    *,
    target: float,
) -> tuple[Fitted, bool]:
    """Find what a `fit` found out, or let it find that out.

    What ended at a higher target than is asked for is fitted once more, for all targets.

    Parameters
    ----------
    memory : str, joblib.Memory or None
        None keeps nothing.
    estimator : BlockwiseEstimator
        Its parameters, but for those of `PLANNED_WITH`, must be the same.
    given : dict
        What `fit` was given: must be the same too.
    fit : callable
        Fits and calibrates; told whether that is for all targets, or may end where nothing can pay
        at the one of the fit.
    target : float
        What is asked for now.

    Returns
    -------
    fitted : Fitted
    is_found : bool
        Whether `fit` was not called.
    """
    if memory is None:
        return fit(False), False
    try:
        digest = _digest(estimator, given)
    except Exception as error:
        warn_caller(
            f"memory={memory!r} is not used: what fit was given cannot be hashed, as it cannot be "
            f"pickled ({type(error).__name__}: {error})."
        )
        return fit(False), False
    cached = check_memory(memory).cache(_remembered, ignore=["run"])

    def find(for_all: bool) -> tuple[Fitted, bool]:
        ran: list[Fitted] = []

        def run() -> Fitted:
            ran.append(fit(for_all))
            return ran[-1]

        found = cached(f"{digest} for all targets" if for_all else digest, run)
        if ran:
            return ran[-1], False
        if not isinstance(found, Fitted):
            return fit(for_all), False
        return found, True

    fitted, is_found = find(False)
    if fitted.ended_at is not None and target < fitted.ended_at:
        return find(True)
    return fitted, is_found


def _remembered(digest: str, run: Callable[[], Fitted]) -> Fitted:
    """Run; what it returns is kept under the digest."""
    return run()


def _digest(estimator: Any, given: dict[str, Any]) -> str:
    """A digest of all that calibration depends on."""
    params = estimator.get_params(deep=False)
    kept = {name: value for name, value in params.items() if name not in PLANNED_WITH}
    kind = f"{type(estimator).__module__}.{type(estimator).__qualname__}"
    is_tested = params["confidence"] is not None
    libraries = {library_of(type(value)) for value in estimator.get_params(deep=True).values()}
    versions = {name: _version(name) for name in sorted({*PACKAGES, *libraries})}
    return str(joblib.hash((kind, kept, is_tested, given, versions)))


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
