"""What plans of cascades and of top-K queries share: stages with a price, and promises."""

from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from ._growth import Growth


@dataclass(frozen=True, kw_only=True)
class StageSeconds:
    """Seconds a row of a first stage, in batches or in single rows."""

    start: float  # the stage itself: blocks, model and what is done with its answer
    rest: float  # on top for a row that it leaves open, which goes to the full model

    def expected(self, open_share):
        """Seconds a row if this share of the rows is left open; share by share."""
        return self.start + open_share * self.rest


@dataclass(frozen=True)
class CheaperModel:
    """What may stand for the full model: the blocks that it reads, and what it is."""

    blocks: tuple[str, ...]  # none where it reads rows as they come
    # Of the full model's own ensemble, cut off: its number of trees.
    n_trees: int | None = field(default=None, kw_only=True)
    # Whether it is a linear model in the place of the full one.
    is_surrogate: bool = field(default=False, kw_only=True)

    @property
    def described(self) -> dict[str, Any]:
        """These fields, for another record of the same model."""
        return {f.name: getattr(self, f.name) for f in fields(CheaperModel)}


@dataclass(frozen=True)
class ApproximateStage(CheaperModel):
    """An approximate model and what it costs."""

    seconds: StageSeconds
    # The same costs where rows come in the way that is not planned for: one at a time instead of in
    # batches, or in batches. None where that is not to be looked at.
    other: StageSeconds | None = field(default=None, kw_only=True)


def pays(expected_seconds, full_seconds: float, least_saving: float):
    """Whether a plan saves this share of the cost of the full model."""
    return expected_seconds <= (1 - least_saving) * full_seconds


@dataclass(frozen=True)
class Evidence:
    """Which models the numbers of a calibration are of, and what must therefore be tested.

    A model with more features gains more from more rows, so what an approximation loses can grow
    when its models are fitted again on all rows (`Growth`). Evidence of several models that were
    fitted on folds is of their average; half of the error that is allowed is left to the one model
    that will answer being worse than that.
    """

    # {"prefit", "held-out", "fresh", "cross-fitted"}: the models that made the numbers: the fitted
    # ones that were given, those fitted on the training rows alone, those that answer, on rows that
    # came later; or, for ``"cross-fitted"``, others that were fitted in the same way on folds.
    basis: str
    # Share of the rows of the models that will answer that these models were fitted on; 1.0 if they
    # are the same.
    train_share: float

    @property
    def is_of_these_models(self) -> bool:
        """Whether the models that made the numbers are the ones that answer."""
        return self.basis != "cross-fitted"

    @property
    def kind_of_test(self) -> str:
        """Kind of the guarantee that a valid test gives."""
        return "certified" if self.is_of_these_models else "cross-fitted"

    def tested_loss(self, loss: float, growth: Growth | None = None) -> float:
        """Loss to test for, so that the models that will answer lose no more than `loss`."""
        return loss / (growth or Growth()).factor(self.train_share)

    def tested_confidence(self, confidence: float) -> float:
        """Confidence to test with, so that the models that will answer keep theirs."""
        return confidence if self.is_of_these_models else (1 + confidence) / 2


@dataclass(frozen=True, kw_only=True)
class BaseCalibration:
    """What every plan is made from: numbers and arrays."""

    full_seconds: float  # seconds a row of the full model
    selects: np.ndarray  # bool (n_rows,): rows that choose; the others certify
    # `basis`, `train_share`: as in `Evidence`.
    basis: str
    train_share: float
    seed: int  # for resampling
    # Whether `fit` ended after its first folds, as nothing could pay at its target.
    stopped: bool = False

    @property
    def is_for_target(self) -> bool:
        """Whether `fit` left out what could only be of use at lower targets than its own."""
        return self.stopped

    @property
    def evidence(self) -> Evidence:
        """Which models the numbers are of."""
        return Evidence(self.basis, self.train_share)


@dataclass(frozen=True, kw_only=True)
class BaseTradeoff(CheaperModel):
    """What is lost against cost, for one candidate, on the rows that certify.

    `Tradeoff` and `TopKTradeoff` tell what the fields are.
    """

    expected_seconds: np.ndarray = field(repr=False)
    chosen: int | None


@dataclass(frozen=True, kw_only=True)
class BaseGuarantee:
    """What every promise says of itself.

    `Guarantee` and `TopKGuarantee` tell what the fields are.
    """

    kind: str
    confidence: float | None
    basis: str | None
    n_rows: int = 0
    tested_target: float
    tested_confidence: float | None
    reason: str = ""
    rows_needed: int | None = None

    @classmethod
    def of_full_model(cls, *, reason: str, **asked: Any) -> Self:
        """The promise of the full model alone; `asked` are fields that say what was asked for."""
        return cls(
            kind="exact",
            basis=None,
            tested_target=1.0,
            tested_confidence=None,
            reason=reason,
            **asked,
        )
