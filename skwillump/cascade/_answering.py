"""How a fitted cascade answers: many rows in chunks, or one row."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from sklearn.utils import gen_batches

from .._compiled import CompiledPipeline, compiled_twin
from .._containers import has_rows, num_samples, take_rows
from .._one_row import RowTemplate
from ..blocks import BlockGraph
from ..compilers import InputUnsupported, check_scores
from ..planning import HarmScore, confidence, decide_one
from ..stages._full_model import FirstStage
from ..stages._passes import ModelInput, StagePass, answer_by_pass, flat
from ._responses import align_response, predicts_largest_response, stage_codes

METHODS_OF_ONE = ("predict", "predict_proba", "decision_function")
"""Methods that one row may be asked for."""


@dataclass(frozen=True, kw_only=True)
class EarlyStage:
    """The first stage of two, and which rows it answers."""

    graph: BlockGraph  # the full model in blocks
    stage: FirstStage
    method: str  # {"predict_proba", "decision_function"}: what confidence is read from
    measure: str  # {"probability", "margin", "score"}: what confidence is
    # float64 (n_classes,): least confidence that answers a row, by predicted class.
    thresholds: np.ndarray
    is_largest: bool  # whether the model is known to predict the class of its largest response
    harm_score: HarmScore | None = None  # for the measure ``"score"``

    @property
    def fused(self) -> Any:
        """The stage on the compiled path; None where it has none."""
        return self.stage.compiled

    @cached_property
    def needs_rows(self) -> bool:
        """Whether its blocks read one row as X of one row, and not as it comes."""
        return bool(self.stage.blocks) and self.graph.needs_rows(self.stage.blocks)

    def gives(self, method: str) -> bool:
        """Whether both models answer `method` on the compiled path."""
        fused = self.fused
        return (
            fused is not None
            and fused.approx.gives(self.method)
            and fused.approx.gives(method)
            and fused.full.gives(method)
        )

    @property
    def reads_one(self) -> bool:
        """Whether it reads one row on the compiled path, with no step before its blocks."""
        return not (self.stage.blocks and self.graph.prefix)

    def gives_one(self, method: str) -> bool:
        """Whether both models answer `method` for one row on the compiled path."""
        return method in self._methods_of_one

    @cached_property
    def _methods_of_one(self) -> frozenset[str]:
        """Methods that both models answer for one row: asked for each row, and found out once."""
        given = [method for method in METHODS_OF_ONE if self.reads_one and self.gives(method)]
        if not given or len(self.fused.approx.classes) != len(self.thresholds):
            return frozenset()
        return frozenset(given)

    def answer(
        self,
        method: str,
        by_pass: Callable[[StagePass], Any],
        *,
        otherwise: Callable[[], Any],
        n_threads: int,
    ) -> Any:
        """Answer `method` by a pass of the stage, or otherwise by the full model alone."""
        stage = self.stage if self.gives(method) else replace(self.stage, compiled=None)
        return answer_by_pass(self.graph, stage, by_pass, otherwise=otherwise, n_threads=n_threads)


@dataclass(frozen=True, kw_only=True)
class CascadeRunner:
    """The models of a fitted cascade, which answer."""

    classes: Any  # (n_classes,), or list of such of each label
    template: RowTemplate  # the form of one row
    estimator: Any  # classifier: the full model
    full: Any  # CompiledPipeline or classifier: the same as it runs
    early: EarlyStage | None = None  # the stage before it, if there is one

    def behind(self, *, stage: FirstStage, method: str, **of_early: Any) -> "CascadeRunner":
        """The same behind a first stage; `of_early` as the fields of `EarlyStage`."""
        is_largest = self.is_largest(stage.model, method)
        early = EarlyStage(stage=stage, method=method, is_largest=is_largest, **of_early)
        return replace(self, early=early)

    @property
    def n_groups(self) -> int:
        """Number of thresholds: one for each predicted class."""
        return len(self.classes)

    def is_largest(self, model: Any, method: str) -> bool:
        """Whether `predict` of a stage's model gives the class of its largest response."""
        return predicts_largest_response(model, method)

    def answer(self, X: Any, method: str, *, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
        """Output of `method` for each row, and the position of the stage that gave it."""
        early = self.early
        if early is None or not has_rows(X):
            # The full model also says what is wrong with what holds no rows.
            return self._answer_by_full(X, method)
        by_full = partial(self._answer_by_full, X, method)
        return early.answer(
            method,
            partial(self._in_chunks, early, X, method),
            otherwise=by_full,
            n_threads=n_threads,
        )

    def _answer_by_full(self, X: Any, method: str) -> tuple[np.ndarray, np.ndarray]:
        """The same where the full model answers all rows, or raises what the original raises."""
        output = getattr(self.full, method)(X)
        n_rows = num_samples(output[0] if isinstance(output, list) else output)
        return output, np.full(n_rows, 0 if self.early is None else 1, dtype=np.intp)

    def confidence(self, X: Any) -> np.ndarray:
        """How sure the first stage is of each row."""
        early = self.early
        assert early is not None, "without a first stage no row is asked"

        def sure(run: StagePass) -> np.ndarray:
            inputs, _ = run.start(X)
            return self._decided(early, inputs)[2]

        return early.answer(
            early.method, sure, otherwise=lambda: np.full(num_samples(X), -np.inf), n_threads=1
        )

    def predict_one(self, x: Any, method: str, *, n_threads: int = 1) -> Any:
        """Answer for one row, by the batch path where there is no other."""
        try:
            answer = self.answer_one(x, method)
            if answer is not None:
                return answer
            return self._first_row(
                self.answer(self.template.make(x), method, n_threads=n_threads)[0]
            )
        except (AttributeError, TypeError, ValueError) as error:
            with suppress(Exception):  # of anyone's code, which may want X as it was in fit
                X = self.template.make(x)
                return self._first_row(self.answer(X, method, n_threads=n_threads)[0])
            self.template.raise_named(error, x)

    @cached_property
    def _compiled(self) -> CompiledPipeline | None:
        """The full model, where it is compiled."""
        return compiled_twin(self.full)

    @cached_property
    def _makes_frames(self) -> bool:
        """Whether a step of the full model reads one row as a data frame of one row."""
        full = self._compiled
        return full is not None and full.needs_rows and bool(self.template.names)

    def _row(self, x: Any, *, as_frame: bool) -> Any:
        """One row as steps read it; None where only X of one row tells."""
        return self.template.as_fitted(x) if as_frame else self.template.rounded(x)

    def answer_one(self, x: Any, method: str) -> Any:
        """Answer for one row on the compiled path; None where the batch path must judge."""
        early = self.early
        if early is None:
            full = self._compiled
            if full is None:
                return None
            row = self._row(x, as_frame=self._makes_frames)
            return None if row is None else full._answer_one(row, method)
        if not self._gives_one(early, method):
            return None
        if isinstance(x, Mapping):
            self.template.check_names(x)  # those that only the second stage needs too
        # Making a data frame takes longer than most stages; those that need none are spared it.
        frame_is_late = self._makes_frames and not early.needs_rows
        row = self._row(x, as_frame=self._makes_frames and early.needs_rows)
        if row is None:
            return None
        try:
            scores, carry = early.fused.start_one(row)
            check_scores(scores)
            decided = self._decided_one(early, scores, method)
            if decided is None:
                return None
            is_sure, answer = decided
            if is_sure:
                return answer
            if frame_is_late:
                row = self._row(x, as_frame=True)
            scores = early.fused.finish_one(row, carry)
            early.fused.full.check(scores)
        except InputUnsupported:
            return None
        return self._full_one(early.fused.full, scores, method)

    def _gives_one(self, early: EarlyStage, method: str) -> bool:
        """Whether the compiled path answers one row."""
        return early.gives_one(method)

    def _decided_one(self, early: EarlyStage, scores: Any, method: str) -> tuple[bool, Any] | None:
        """Whether the first stage is sure of one row, and its answer; None for the batch path."""
        approx = early.fused.approx
        if early.method == "predict_proba":
            response = approx.predict_proba_one(scores)
        else:
            response = approx.decision_function(scores[None])[0]
        code = None
        if not early.is_largest:
            label = approx.predict_one(scores)
            if label is None:
                return None
            code = int(np.searchsorted(approx.classes, label))
        code, sure = decide_one(response, early.measure, code, early.harm_score)
        answer = approx.classes[code] if method == "predict" else response
        return sure >= early.thresholds[code], answer

    def _full_one(self, full: Any, scores: Any, method: str) -> Any:
        """The full model's answer for one row."""
        return full.predict_one(scores) if method == "predict" else full.predict_proba_one(scores)

    def _in_chunks(
        self, early: EarlyStage, X: Any, method: str, run: StagePass
    ) -> tuple[np.ndarray, np.ndarray]:
        n_rows, chunk_rows = num_samples(X), run.chunk_rows
        if n_rows <= chunk_rows:
            return self._answer_chunk(early, run, X, method)
        chunks = [
            self._answer_chunk(early, run, take_rows(X, rows), method)
            for rows in gen_batches(n_rows, chunk_rows)
        ]
        outputs, stages = zip(*chunks, strict=True)
        return self._one_after_another(outputs), np.concatenate(stages)

    def _answer_chunk(
        self, early: EarlyStage, run: StagePass, X: Any, method: str
    ) -> tuple[np.ndarray, np.ndarray]:
        inputs, held = run.start(X)
        response, codes, sure = self._decided(early, inputs)
        is_early = sure >= early.thresholds[codes]
        output = self._early_output(early, inputs, method, response, codes)
        open_rows = np.flatnonzero(~is_early)
        if len(open_rows):
            escalated = held.finish(open_rows)
            answers = escalated.answer(method)
            doubtful = escalated.doubtful() if method == "predict" else open_rows[:0]
            if len(doubtful):
                # Another order of summation could flip these: the original decides.
                rows = take_rows(X, open_rows[doubtful])
                answers[doubtful] = flat(self.estimator.predict(rows))
            output = self._completed(output, open_rows, answers)
        return output, np.where(is_early, 0, 1)

    def _early_output(
        self, early: EarlyStage, inputs: ModelInput, method: str, response: Any, codes: np.ndarray
    ) -> Any:
        """What the first stage answers."""
        if method == "predict":
            return self.classes[codes]
        return response if method == early.method else self._respond(early, inputs, method)

    def _completed(self, output: Any, rows: np.ndarray, answers: Any) -> Any:
        """The same with the full model's answers for some rows."""
        if output.dtype != answers.dtype:
            output = output.astype(np.result_type(output, answers))
        output[rows] = answers
        return output

    def _one_after_another(self, outputs: Sequence[Any]) -> Any:
        """Outputs of chunks of rows as one."""
        return np.concatenate(outputs)

    def _first_row(self, output: Any) -> Any:
        """The answer for the first row."""
        return output[0]

    def _decided(
        self, early: EarlyStage, inputs: ModelInput
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Response of the first stage, the positions of its classes, and how sure it is of them."""
        response = self._respond(early, inputs, early.method)
        codes = stage_codes(inputs, response, self.classes, is_largest=early.is_largest)
        sure = confidence(response, codes, early.measure, early.harm_score)
        return response, codes, sure

    def _respond(self, early: EarlyStage, inputs: ModelInput, method: str) -> np.ndarray:
        """Response of the first stage's model, with a column for each class."""
        response, known = inputs.answer(method), early.stage.model.classes_
        return align_response(response, known, self.classes, method == "predict_proba")
