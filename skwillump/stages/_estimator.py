"""The base of `CascadeClassifier` and `ApproxTopKRanker`: what `fit` does, and what it leaves."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from sklearn.base import clone
from sklearn.utils import Bunch, check_random_state, indexable
from sklearn.utils.metadata_routing import get_routing_for_object

from .._compat import refused, routing_enabled
from .._compiled import compile_pipeline
from .._composites import chain, thawed
from .._containers import num_samples, with_rows
from .._warnings import NoCascadeWarning, warn_caller
from ..blocks import (
    CompiledBlocks,
    compiled_blocks,
    hides_blocks,
    settled,
)
from ..compilers import compiled_once, texts_remembered
from ._blas import threads_for_folds
from ._blocks import check_feature_costs, describe_blocks
from ._clock import Timer
from ._cross_fit_steps import CrossFit
from ._cross_fitted import CalibrationTask
from ._cross_fitting import calibrated, cross_fit
from ._folds import FitData, Setting, Split, single_split
from ._memory import Fitted, recall
from ._metering import clock_of, seconds_for_timing
from ._models import NoEvidence, fit_plainly, read_graph
from ._planned_estimator import PlannedEstimator
from ._progress import Progress
from ._recording import none_open

N_TASKS = 11
"""Tasks of `fit`, at most, as callbacks see them."""

ONE_BLOCK = (
    "the estimator has a single block, so there is nothing to {}. Blocks are the "
    "transformers of a FeatureUnion or ColumnTransformer in a Pipeline"
)
"""Why there are no stages."""


class BlockwiseEstimator(PlannedEstimator):
    """Base of estimators that run a fitted pipeline block by block, in stages.

    `_fit` does what both do: it fits the full model exactly as a plain fit would, reads its
    blocks, cross-fits approximate models, and lets a plan be made of what they did. A subclass
    says what differs, in these methods:

    - `_fit_data`: checks `y`, and gathers what `fit` takes of rows;
    - `_read_full_model`: what is learned from the fitted full model before its blocks are tried;
    - `_why_no_stages`: why there can be none; empty if there can;
    - `_task`: what is asked of the models that are cross-fitted, and made of their answers;
    - `_check_speed`: what a plan costs as a whole, where it is not what was planned;
    - those that `PlannedEstimator` names.

    `_usable_blocks` has an answer here that is right for most.
    """

    # Hooks ----------------------------------------------------------------------------------

    def _fit_data(self, X, y, groups, params: dict[str, Any]) -> FitData:
        """Check y, and gather what the estimator's `fit` takes of each row."""
        raise NotImplementedError

    def _read_full_model(self, X) -> None:
        """Learn from the fitted full model how it answers."""
        raise NotImplementedError

    def _why_no_stages(self, data: FitData) -> str:
        """Why there can be no stages; empty if there can."""
        raise NotImplementedError

    def _task(self, data: FitData, routed: Bunch) -> CalibrationTask:
        """What is asked of the models that are cross-fitted."""
        raise NotImplementedError

    def _check_speed(self, X: Any, timer: Timer) -> None:
        """Time what was chosen on rows of the fit; plan again where it costs more than planned."""
        raise NotImplementedError

    def _why_one_block(self, verb: str) -> str:
        """Why there are no blocks to choose from."""
        hiding = hides_blocks(self.estimator_)
        if not hiding:
            return ONE_BLOCK.format(verb)
        return (
            f"{hiding} is not seen through, so the blocks of the pipeline inside it are out of "
            f"reach, and there is nothing to {verb}"
        )

    # Fitting --------------------------------------------------------------------------------

    def _fit(self, X, y, params: dict[str, Any], groups=None):
        """Fit the full model, plan the stages and certify the plan."""
        # What a fit that fails leaves behind is not fitted.
        if "stages_" in vars(self):
            del self.stages_
        if isinstance(self.cv, type):
            must_be = f"a splitter, and not its class ({self.cv.__name__}() makes one)"
            raise refused(type(self).__name__, "cv", must_be, self.cv)
        self._check_parameters()
        X, y = indexable(with_rows(X), y)
        routed = self._route(params)
        data = self._fit_data(X, y, groups, routed.estimator.fit)

        rng = check_random_state(self.random_state)
        split = None
        if not self.refit and not self._is_prefit():
            split = self._single_split(data, routed, rng)

        progress = Progress.begin(self, X, y, n_tasks=N_TASKS, log=self._logger())
        rows = (X, y, data.params) if split is None else data.take(split[0])

        target = getattr(self, self._target_parameter)

        def fit(for_all: bool) -> Fitted:
            with texts_remembered() as read_texts:
                return fit_and_calibrate(read_texts, for_all)

        def fit_and_calibrate(read_texts: Callable[[], None], for_all: bool) -> Fitted:
            self._fit_full(rows, num_samples(X), progress)
            read_texts()
            self._read_full_model(X)
            check_feature_costs(
                self.feature_costs,
                self._graph,
                thawed(self.estimator_),
                owner=type(self).__name__,
            )
            reason, costs = self._why_no_stages(data), None
            ends = False
            if not reason:
                try:
                    with threads_for_folds(self._graph, data.X):
                        ends = self._calibrate(
                            data, routed, progress, rng=rng, split=split, for_all=for_all
                        )
                except NoEvidence as error:
                    reason, costs, ends = str(error), error.costs, error.for_target
            return Fitted(
                estimator=self.estimator_,
                calibrated=self._calibrated,
                is_settled=self._is_settled,
                reason=reason,
                costs=costs,
                ended_at=target if ends else None,
            )

        given = {"X": X, "y": y, "groups": groups, "params": params}
        fitted, is_found = recall(self.memory, self, given, fit, target=target)
        if is_found:
            progress.log("found in memory what was fitted and calibrated")
            self._restore(fitted, X, rows[0])
        if fitted.reason:
            if fitted.costs is not None:
                self.blocks_ = describe_blocks(self._graph, data.X, fitted.costs)
            self._set_plan(self._exact_plan(fitted.reason))
        else:
            found = self._calibrated
            self.blocks_ = describe_blocks(self._graph, data.X, found.costs, found.importances)
            with progress.task("choose and test"):
                self._set_plan(self._planned())
                # Costs that are stated are not those of an answer.
                if self._plan.candidate is not None and not self.feature_costs:
                    blocks = self._fused_blocks if self._fused else None
                    most_seconds = seconds_for_timing(progress.cpu_seconds())
                    clock = clock_of(self._graph, blocks)
                    self._check_speed(rows[0], Timer(clock=clock, most_seconds=most_seconds))
        self._fit_seconds = tuple(progress.times)
        progress.end(X, y)
        if len(self.stages_) == 1 and target < 1:
            warn_caller(self._no_stages_text(), NoCascadeWarning)
        return self

    def _single_split(self, data: FitData, routed: Bunch, rng: Any) -> Split:
        """Rows for the models that answer, and held-out rows."""
        try:
            return single_split(
                data, self.cv, routed.splitter.split, rng, owner=type(self).__name__
            )
        except NoEvidence as error:
            raise ValueError(f"refit=False holds out a share of the rows, and {error}") from error

    def _no_stages_text(self) -> str:
        """That the full model answers every row, and why."""
        return (
            f"{type(self).__name__}: {self._stage_words().without}, so the full model answers "
            f"every row, {'compiled' if self.compile else 'not compiled'}. The reason: "
            f"{self.guarantee_.reason}. report() tells more; warnings.simplefilter('ignore', "
            "skwillump.NoCascadeWarning) silences this."
        )

    def _restore(self, fitted: Fitted, X: Any, X_fitted: Any) -> None:
        """Take what another fit found out."""
        self.estimator_ = self.estimator if self._is_prefit() else fitted.estimator
        self._read_blocks(X_fitted)
        self._read_full_model(X)
        self._calibrated = fitted.calibrated
        self._is_settled = fitted.is_settled
        if self.compile and self._graph is not None:
            self._fused_blocks = self._usable_blocks(compiled_blocks(self._graph))

    def _fit_full(
        self, rows: tuple[Any, Any, dict[str, Any]], n_rows: int, progress: Progress
    ) -> None:
        """Fit the full model on some rows, or take the one that is fitted, and read its blocks."""
        if self._is_prefit():
            self._check_prefit()
            self.estimator_ = self.estimator
        else:
            # Before anything here draws a random number.
            full = clone(self.estimator)
            with progress.task("fit the full model", fits=full):
                self.estimator_ = _fit_full_model(full, rows, n_rows, compile=self.compile)
        self._read_blocks(rows[0])

    def _read_blocks(self, X: Any) -> None:
        """Read the blocks of the full model, which was fitted on some rows."""
        if not hasattr(self.estimator_, "predict"):
            raise refused(
                type(self).__name__, "estimator", "an estimator that predicts", self.estimator
            )
        for attribute in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, attribute):
                delattr(self, attribute)
            if hasattr(self.estimator_, attribute):
                setattr(self, attribute, getattr(self.estimator_, attribute))
        full = thawed(self.estimator_)
        self._full = self.estimator_
        with compiled_once():
            if self.compile:
                self._full = compile_pipeline(full)
                if self._full is not full:
                    full = self._full.estimator  # the snapshot, whose steps are compiled by now
            graph = read_graph(full, X, compile=self.compile)
        if self.compile and graph is not None and graph.last_model is chain(full)[-1][1]:
            graph = replace(graph, compiled_model=self._full._parts.model)
        self._graph = cast(Any, graph)
        self._calibrated = None
        self._is_settled = False
        self._fused_blocks = None
        self.blocks_ = []

    def _calibrate(
        self,
        data: FitData,
        routed: Bunch,
        progress: Progress,
        *,
        rng: Any,
        split: Split | None,
        for_all: bool,
    ) -> bool:
        """Cross-fit approximate models, and store what a plan is made from.

        Parameters
        ----------
        for_all : bool
            Whether for all targets, or else only for those at which something can pay if it can at
            that of the fit.

        Returns
        -------
        bool
            Whether it ended early, for the target.
        """
        if self.compile:
            self._fused_blocks = self._usable_blocks(compiled_blocks(self._graph))
        task = self._task(data, routed)
        if for_all:
            task = replace(task, least_open=none_open)
        on_folds = None if self._is_prefit() else settled(self.estimator_)
        self._is_settled = on_folds is not None
        if on_folds is not None and routing_enabled():
            taken = get_routing_for_object(on_folds).consumes("fit", data.params.keys())
            data = replace(data, params={key: data.params[key] for key in taken})
        run = CrossFit.begin(
            full=self._full_model(),
            data=data,
            task=task,
            setting=Setting(
                estimator=self.estimator if on_folds is None else on_folds,
                approx_estimator=self.approx_estimator,
                prefit=self._is_prefit(),
                cv=self.cv,
                split_params=routed.splitter.split,
                feature_costs=self.feature_costs or {},
                compile=self.compile,
                n_jobs=self.n_jobs,
                split=split,
            ),
            rng=rng,
            progress=progress,
        )
        fitted = cross_fit(run)
        self._calibrated = calibrated(run, fitted, int(rng.randint(2**31 - 1)))
        return self._calibrated.calibration.is_for_target and task.is_for_target

    def _usable_blocks(self, blocks: CompiledBlocks | None) -> CompiledBlocks | None:
        """The blocks on a compiled path, if that gives what is asked of it."""
        return blocks


def _fit_full_model(
    estimator: Any, rows: tuple[Any, Any, dict[str, Any]], n_rows: int, *, compile: bool
) -> Any:
    """Fit an estimator; an error of a fit on a part of the rows says that it was one."""
    try:
        return fit_plainly(estimator, *rows, compile=compile)
    except Exception as error:
        n_train = num_samples(rows[0])
        if n_train == n_rows:
            raise
        error.add_note(
            f"This was a fit on a part of the rows ({n_train} of {n_rows}), as refit=False asks. "
            "Use a smaller share for cv, refit=True, or parameters that hold for fewer rows."
        )
        raise
