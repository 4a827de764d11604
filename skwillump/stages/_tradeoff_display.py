"""What accuracy or precision costs, drawn with Matplotlib: what both displays share.

Both show the same picture: a curve for each candidate of the first stage, the target, and the point
that `fit` chose; above it, how rows and cost divide between the stages.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._compat import refused
from ._report import blocks_text, model_text, seconds_unit

SHOWN_LOSSES = 4.0
"""How far below the target the drawing reaches, in allowed losses: there the choice is made."""

LEAST_WIDTH = 0.12
"""Least share of the panel of the stages that has room for a text."""

_PROMISES = {
    "certified": "certified",
    "cross-fitted": "cross-fitted",
    "estimate": "estimate",
    "plug-in": "no guarantee",
    "exact": "",
}


def _pyplot(caller: str) -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{caller} needs Matplotlib, which is not installed. Install it with "
            "`pip install 'skwillump[plot]'`."
        ) from error
    return plt


class TradeoffDisplay:
    """What the two displays share; a subclass says what its curves are.

    A subclass has `_score(tradeoff)`, values on the vertical axis; `_target()`; `_label()`, the
    text of that axis; `_rows()`, how rows divide between the stages; `_reaches()`, the share of
    rows that each stage runs on; and `_x_label` and `_x` for what the horizontal axis may show.
    """

    def __init__(
        self,
        *,
        tradeoffs: Sequence[Any],
        guarantee: Any,
        full_seconds: Any,
        stages: Sequence[Any] = (),
        estimator_name: str | None = None,
    ) -> None:
        self.tradeoffs = tradeoffs
        self.guarantee = guarantee
        self.full_seconds = full_seconds
        self.stages = stages
        self.estimator_name = estimator_name

    _target_parameter: str
    _shows: str  # what the estimator must be
    _x_values: tuple[str, ...] = ("cost", "speedup")

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        x: str = "cost",
        show_stages: bool = True,
        curve_kwargs: Any = None,
        name: str | None = None,
    ) -> Self:
        """Plot the tradeoff of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, of the kind that this display is for.

        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure and axes are created.

        x : str, default="cost"
            What the horizontal axis shows; see `plot`.

        show_stages : bool, default=True
            Whether a panel above shows how rows and cost divide between the stages.

        curve_kwargs : dict or list of dict, default=None
            Keywords for Matplotlib's `plot`, for all curves or for each.

        name : str, default=None
            Title. The name of the estimator's class by default.

        Returns
        -------
        display
            The object that holds what was drawn.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        TypeError
            If the estimator is of another kind.
        ValueError
            If there was nothing to choose from, so that there is nothing to plot.
        """
        _pyplot(f"{cls.__name__}.from_estimator")
        if not hasattr(estimator, cls._target_parameter):
            raise refused(f"{cls.__name__}.from_estimator", "estimator", cls._shows, estimator)
        check_is_fitted(estimator)
        calibrated = estimator._calibrated
        display = cls(
            tradeoffs=estimator.tradeoff_,
            guarantee=estimator.guarantee_,
            full_seconds=None if calibrated is None else calibrated.calibration.full_seconds,
            stages=estimator.stages_,
            estimator_name=type(estimator).__name__ if name is None else name,
            **cls._of_estimator(estimator),
        )
        return display.plot(ax=ax, x=x, show_stages=show_stages, curve_kwargs=curve_kwargs)

    @classmethod
    def _of_estimator(cls, estimator: Any) -> dict[str, Any]:
        return {}

    def plot(
        self,
        ax: Any = None,
        *,
        x: str = "cost",
        show_stages: bool = True,
        curve_kwargs: Any = None,
    ) -> Self:
        """Plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to plot on. If None, a new figure and axes are created.

        x : str, default="cost"
            ``"cost"``: expected time a row. ``"speedup"``: the full model's time over that.
            A `TopKDisplay` knows ``"share"`` too: the share of rows that the full model scores.

        show_stages : bool, default=True
            Whether a panel above shows how rows and cost divide between the stages.

        curve_kwargs : dict or list of dict, default=None
            Keywords for Matplotlib's `plot`, for all curves or for each.

        Returns
        -------
        display
            The object itself.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        ValueError
            If there are no tradeoffs, no time of the full model, or a parameter does not fit.
        """
        plt = _pyplot(f"{type(self).__name__}.plot")
        if x not in self._x_values:
            must_be = f"a str among {list(self._x_values)}"
            raise refused(f"{type(self).__name__}.plot", "x", must_be, x)
        if not (ax is None or isinstance(ax, plt.Axes)):
            must_be = "a Matplotlib Axes (one of those that plt.subplots() returns) or None"
            raise refused(f"{type(self).__name__}.plot", "ax", must_be, ax)
        if not self.tradeoffs:
            reason = self.guarantee.reason or "tradeoffs is empty"
            raise ValueError(f"There is nothing to plot: {reason}.")
        if self.full_seconds is None:
            raise ValueError("full_seconds=None: costs are drawn beside that of the full model.")
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        self.ax_stages_ = None

        self.lines_ = []
        for tradeoff, kwargs in zip(self.tradeoffs, self._each(curve_kwargs), strict=True):
            style = {"label": _candidate_text(tradeoff), "linewidth": 1.2}
            if tradeoff.chosen is not None:
                style["linewidth"] = 2.4
            at = self._at(x, tradeoff.expected_seconds, tradeoff)
            (line,) = ax.plot(at, self._score(tradeoff), **(style | kwargs))
            self.lines_.append(line)

        target, promise = self._target(), _PROMISES[self.guarantee.kind]
        text = f"target {target:g}" + (f" ({promise})" if promise else "")
        self.target_line_ = ax.axhline(target, color="0.5", linestyle="--", label=text, zorder=1)
        whole = self._at(x, np.array([self.full_seconds]), None)[0]
        (self.full_point_,) = ax.plot(
            [whole], [1.0], "D", color="0.5", markersize=6, label="full model", zorder=4
        )
        self._plot_choice(x, whole)

        ax.set(xlabel=self._x_text(x), ylabel=self._label())
        self._limit(x)
        ax.legend(fontsize="small")
        titled = ax
        if show_stages and len(self.stages) > 1:
            titled = self.ax_stages_ = self._plot_stages()
        if self.estimator_name is not None:
            titled.set_title(self.estimator_name)
        return self

    def _each(self, curve_kwargs: Any) -> list[dict[str, Any]]:
        """Keywords for each curve."""
        n_curves = len(self.tradeoffs)
        if curve_kwargs is None or isinstance(curve_kwargs, Mapping):
            return [dict(curve_kwargs or {})] * n_curves
        if len(curve_kwargs) != n_curves:
            raise ValueError(
                f"curve_kwargs has {len(curve_kwargs)} elements for {n_curves} curves."
            )
        return list(curve_kwargs)

    # The axes -------------------------------------------------------------------------------

    def _at(self, x: str, seconds: Any, tradeoff: Any) -> Any:
        """Where costs are on the horizontal axis."""
        if x == "speedup":
            return self.full_seconds / seconds
        return seconds / seconds_unit(self.full_seconds)[0]

    def _x_text(self, x: str) -> str:
        if x == "speedup":
            return "Speed-up over the full model, expected"
        return f"Expected cost, {seconds_unit(self.full_seconds)[1]} a row"

    def _limit(self, x: str) -> None:
        """Show the region of the choice; curves may leave it."""
        scores = [self._score(tradeoff) for tradeoff in self.tradeoffs]
        target = self._target()
        lowest = min(float(np.min(score)) for score in scores)
        if target < 1:
            lowest = max(lowest, target - SHOWN_LOSSES * (1 - target))
        lowest = min(lowest, target, *(score[at] for score, at in self._chosen(scores)))
        highest = max(1.0, *(float(np.max(score)) for score in scores))
        margin = 0.06 * max(highest - lowest, 1e-6)
        self.ax_.set_ylim(lowest - margin, highest + margin)
        self.ax_.set_xlim(left=0)

    def _chosen(self, values: Any) -> Any:
        """Values of the chosen candidate and the step that is used; nothing where there is none."""
        return [
            (value, tradeoff.chosen)
            for value, tradeoff in zip(values, self.tradeoffs, strict=True)
            if tradeoff.chosen is not None
        ]

    def _plot_choice(self, x: str, whole: Any) -> None:
        at, score, text, color = whole, 1.0, "chosen: the full model", "0.5"
        for (tradeoff, step), line in zip(
            self._chosen(self.tradeoffs), self._chosen(self.lines_), strict=True
        ):
            seconds = tradeoff.expected_seconds
            at, score = self._at(x, seconds, tradeoff)[step], self._score(tradeoff)[step]
            text = (
                f"chosen: {self.full_seconds / seconds[step]:.1f} times as fast as the full model"
            )
            color = line[0].get_color()
        (self.chosen_point_,) = self.ax_.plot(
            [at],
            [score],
            "*",
            color=color,
            markeredgecolor="black",
            markersize=15,
            label=text,
            zorder=5,
        )

    # The stages -----------------------------------------------------------------------------

    def _plot_stages(self) -> Any:
        """Panel above the axes: shares of rows and of cost."""
        panel = self.ax_.inset_axes([0.0, 1.03, 1.0, 0.15])
        seconds = np.array([stage.cost_seconds for stage in self.stages])
        cost = self._reaches() * seconds
        first = self._chosen(self.lines_)[0][0].get_color()
        names = self._stage_names()
        for row, shares in enumerate([cost / cost.sum(), self._rows()]):
            left = 0.0
            for share, name, color in zip(shares, names, [first, "0.8"], strict=True):
                panel.barh(row, share, left=left, color=color, height=0.86)
                if share >= LEAST_WIDTH:
                    text = f"{name}: " if share >= 3 * LEAST_WIDTH else ""
                    panel.text(
                        left + share / 2,
                        row,
                        f"{text}{100 * share:.3g} %",
                        color=_ink_on(color),
                        ha="center",
                        va="center",
                        size=8,
                    )
                left += share
        panel.set_xlim(0, 1)
        panel.set_xticks([])
        panel.set_yticks([0, 1], ["cost", "rows"], size=8)
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
        return panel

    def _score(self, tradeoff: Any) -> np.ndarray:
        raise NotImplementedError

    def _target(self) -> float:
        raise NotImplementedError

    def _label(self) -> str:
        raise NotImplementedError

    def _rows(self) -> Sequence[float]:
        raise NotImplementedError

    def _reaches(self) -> np.ndarray:
        raise NotImplementedError

    def _stage_names(self) -> tuple[str, str]:
        raise NotImplementedError


def _candidate_text(tradeoff: Any) -> str:
    """What a first stage consists of, short enough for a legend."""
    text = blocks_text(tradeoff.blocks)
    if len(text) > 40:
        text = f"{text[:38].rstrip(', ')} ..."
    what = model_text(tradeoff)
    return f"{text}; {what}" if what else text


def _ink_on(color: Any) -> str:
    """Black or white, whichever is easier to read on a color."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(color)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "white"
