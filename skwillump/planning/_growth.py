"""How harms grow with the rows that the models are fitted on.

A full model with more features than the approximate one gains more from more rows, so what a
cascade loses can grow when its models are fitted again on all rows. Harms are taken to grow like a
power of the number of rows,

    chance of a harm with n rows = c * n**b,

and b is read off models that were fitted on fewer rows: with shares A and B of harms among the
rows that are answered early, by models fitted on r * n and on n rows,

    b = log(B / A) / log(1 / r).

Harms are few, so the estimate has a large error; it is combined with what is known of learning
curves in general, in the way of a normal prior (`PRIOR_MEAN`, `PRIOR_SD`), and `N_ERRORS` posterior
standard deviations are added. Growth is never taken to be slower than in proportion to the rows.

Where few rows are answered early, few harms are seen, and the prior decides. So the same is read of
the harms on *all* rows, whatever the confidence. If these grow steeply (on six public sets the
exponent was below 0.6, and above 3.5 where identifiers are learned), it is their posterior, with
`BETWEEN_SD` for what harms of confident rows may differ by, that takes the place of the prior, and
`N_STEEP_ERRORS` are added: the error of the growth then has half of the level that is left to both
it and the test.

A power of the rows is an assumption. It is wrong where what is learned jumps with the number of
rows, for instance where many categories reach a ``min_frequency`` together.
"""

from dataclasses import dataclass

import numpy as np

PRIOR_MEAN, PRIOR_SD = 0.5, 2.0
"""Of the exponent, before any harm is counted."""

N_ERRORS = 1.5
"""Posterior standard deviations that are added."""

BETWEEN_SD = 1.0
"""Of exponents of harms at different thresholds, where those of all rows are steep."""

N_STEEP_ERRORS = 1.96
"""Posterior standard deviations that are added there."""

LEAST_EXPONENT = 1.0
"""Harms are taken to grow no slower than in proportion to the rows."""

STEEP = 2.0
"""With a larger exponent than this, growth is called steep."""

FEW_HARMS = 10
"""With fewer harms than this, how they grow cannot be told."""


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Harms as a power of the number of rows.

    Attributes
    ----------
    exponent : float
        The exponent that is reckoned with.
    estimate, error : float
        What the harms alone say: the exponent and its standard error.
    n_harms : int
        Harms of the models on more rows that this was read from; 0 if nothing was measured.
    mean, sd : float
        The same combined with the prior: mean and standard deviation of the posterior.
    is_steep_everywhere : bool
        Whether the harms on all rows, however confident, grow steeply.
    """

    exponent: float = LEAST_EXPONENT
    estimate: float = np.nan
    error: float = np.inf
    n_harms: int = 0
    mean: float = PRIOR_MEAN
    sd: float = PRIOR_SD
    is_steep_everywhere: bool = False

    @property
    def is_steep(self) -> bool:
        """Whether harms grow much faster than the rows."""
        is_seen = self.exponent > STEEP and self.n_harms >= FEW_HARMS
        return is_seen or self.is_steep_everywhere

    @property
    def is_told(self) -> bool:
        """Whether there are enough harms to tell how they grow."""
        return self.n_harms >= FEW_HARMS

    def factor(self, train_share: float) -> float:
        """Growth from models fitted on a share of the rows to models fitted on all of them."""
        return train_share**-self.exponent


UNMEASURED = Growth(exponent=PRIOR_MEAN + N_ERRORS * PRIOR_SD)
"""What is reckoned with where no harm is counted: the prior alone."""


@dataclass(frozen=True, kw_only=True)
class HarmCounts:
    """Harms that were counted with models fitted on fewer rows, and on more.

    Attributes
    ----------
    n_smaller, n_harms : int
        Harms of the models fitted on fewer rows, and of those on more.
    n_smaller_rows, n_rows : int
        Rows on which they were counted.
    n_both : int
        Harms of both on the same row.
    row_ratio : float in (0, 1)
        Rows that the smaller models were fitted on, over those of the others.
    """

    n_smaller: int
    n_smaller_rows: int
    n_harms: int
    n_rows: int
    n_both: int
    row_ratio: float

    def growth(self, of_all: Growth | None = None) -> Growth:
        """Growth that these counts tell of.

        Parameters
        ----------
        of_all : Growth, optional
            That of the harms on all rows, however confident.
        """
        is_steep = of_all is not None and of_all.mean > STEEP and of_all.is_told
        prior, n_errors = (PRIOR_MEAN, PRIOR_SD), N_ERRORS
        if of_all is not None and is_steep:
            prior = of_all.mean, float(np.hypot(of_all.sd, BETWEEN_SD))
            n_errors = N_STEEP_ERRORS
        fewer, more = self.n_smaller + 0.5, self.n_harms + 0.5
        step = np.log(1 / self.row_ratio)
        estimate = np.log(more / max(self.n_rows, 1) / (fewer / max(self.n_smaller_rows, 1))) / step
        error = np.sqrt(1 / fewer + 1 / more - 2 * self.n_both / (fewer * more)) / step
        weights = np.array([prior[1], error]) ** -2.0
        mean, sd = np.average([prior[0], estimate], weights=weights), weights.sum() ** -0.5
        return Growth(
            exponent=float(max(mean + n_errors * sd, LEAST_EXPONENT)),
            estimate=float(estimate),
            error=float(error),
            n_harms=self.n_harms,
            mean=float(mean),
            sd=float(sd),
            is_steep_everywhere=is_steep,
        )
