"""CascadeDisplay and TopKDisplay: what is drawn is what `fit` measured."""

import builtins
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from common import COSTS, two_blocks, two_signals
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge

from skwillump import ApproxTopKRanker, CascadeClassifier, CascadeDisplay, TopKDisplay

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    model = CascadeClassifier(
        two_blocks(), accuracy_target=0.95, feature_costs=COSTS, cv=2, random_state=0
    )
    return model.fit(*two_signals(3000))


@pytest.fixture
def exact(fitted):
    fitted.set_accuracy_target(1.0)
    yield fitted
    fitted.set_accuracy_target(0.95)


def ranked(*, chosen=1):
    """What a display is told of a ranker."""
    tradeoff = SimpleNamespace(
        blocks=("cheap",),
        share=np.array([0.1, 0.2, 1.0]),
        precision=np.array([0.8, 0.96, 1.0]),
        expected_seconds=np.array([2e-6, 3e-6, 11e-6]),
        chosen=chosen,
        n_trees=None,
        is_surrogate=False,
    )
    guarantee = SimpleNamespace(precision_target=0.95, k=20, kind="certified", reason="")
    stages = [
        SimpleNamespace(cost_seconds=1e-6, share=1.0),
        SimpleNamespace(cost_seconds=1e-5, share=0.2),
    ]
    return TopKDisplay(tradeoffs=[tradeoff], guarantee=guarantee, full_seconds=1e-5, stages=stages)


def point(line):
    return np.array([line.get_xdata()[0], line.get_ydata()[0]])


def legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


# Cascades ---------------------------------------------------------------------------------------


def test_each_candidate_is_a_curve_of_accuracy_against_cost(fitted):
    display = CascadeDisplay.from_estimator(fitted)
    assert len(display.lines_) == len(fitted.tradeoff_) > 0
    for line, tradeoff in zip(display.lines_, fitted.tradeoff_, strict=True):
        assert_allclose(line.get_xdata(), tradeoff.expected_seconds / 1e-3)
        assert_allclose(line.get_ydata(), tradeoff.score_kept)
    assert display.ax_.get_xlabel() == "Expected cost, ms a row"
    assert display.ax_.get_ylabel() == "Accuracy kept"
    assert display.figure_ is display.ax_.figure
    assert display.ax_stages_.get_title() == "CascadeClassifier"


def test_target_choice_and_full_model_are_marked(fitted):
    display = CascadeDisplay.from_estimator(fitted)
    (tradeoff,) = [tradeoff for tradeoff in fitted.tradeoff_ if tradeoff.chosen is not None]
    seconds, kept = tradeoff.expected_seconds[tradeoff.chosen], tradeoff.score_kept[tradeoff.chosen]
    assert_allclose(point(display.chosen_point_), [seconds / 1e-3, kept])
    assert_allclose(display.target_line_.get_ydata(), 0.95)
    full = fitted._calibrated.calibration.full_seconds
    assert_allclose(point(display.full_point_), [full / 1e-3, 1.0])
    assert legend(display)[-3:] == [
        f"target 0.95 ({fitted.guarantee_.kind})",
        "full model",
        f"chosen: {full / seconds:.1f} times as fast as the full model",
    ]


def test_the_choice_and_the_target_are_in_sight(fitted):
    display = CascadeDisplay.from_estimator(fitted)
    low, high = display.ax_.get_ylim()
    assert 0.95 - 5 * 0.05 < low < 0.95 < 1 < high
    at, kept = point(display.chosen_point_)
    assert low < kept < high
    assert 0 < at < display.ax_.get_xlim()[1]


def test_the_axis_can_show_the_speed_up(fitted):
    display = CascadeDisplay.from_estimator(fitted, x="speedup")
    full = fitted._calibrated.calibration.full_seconds
    for line, tradeoff in zip(display.lines_, fitted.tradeoff_, strict=True):
        assert_allclose(line.get_xdata(), full / tradeoff.expected_seconds)
    assert_allclose(point(display.full_point_), [1, 1])
    assert "Speed-up" in display.ax_.get_xlabel()


def test_the_panel_shows_how_rows_and_cost_divide(fitted):
    display = CascadeDisplay.from_estimator(fitted)
    bars = display.ax_stages_.patches
    cost, rows = (np.array([bar.get_width() for bar in bars[at : at + 2]]) for at in (0, 2))
    early, rest = fitted.stages_
    assert_allclose(rows, [early.share, rest.share])
    seconds = np.array([early.cost_seconds, (1 - early.share) * rest.cost_seconds])
    assert_allclose(cost, seconds / seconds.sum())
    # The chosen candidate's curve costs the same.
    assert_allclose(seconds.sum() / 1e-3, point(display.chosen_point_)[0])
    assert f"stage 0: {100 * early.share:.3g} %" in [t.get_text() for t in display.ax_stages_.texts]


def test_without_a_cascade_the_full_model_is_the_choice(exact):
    display = CascadeDisplay.from_estimator(exact)
    assert_allclose(point(display.chosen_point_), point(display.full_point_))
    assert legend(display)[-1] == "chosen: the full model"
    assert display.ax_stages_ is None
    assert display.ax_.get_title() == "CascadeClassifier"


def test_it_plots_on_given_axes(fitted):
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2)
    display = CascadeDisplay.from_estimator(fitted, ax=left, show_stages=False, name="mine")
    assert display.ax_ is left
    assert display.figure_ is figure
    assert display.ax_stages_ is None
    assert left.get_title() == "mine"
    again = display.plot(ax=right)
    assert again is display
    assert display.ax_ is right
    assert len(right.lines) == len(left.lines)


def test_curves_take_keywords_for_all_or_for_each(fitted):
    display = CascadeDisplay.from_estimator(fitted, curve_kwargs={"linestyle": ":"})
    assert {line.get_linestyle() for line in display.lines_} == {":"}
    each = [{"label": f"curve {i}"} for i in range(len(fitted.tradeoff_))]
    display = CascadeDisplay.from_estimator(fitted, curve_kwargs=each)
    assert [line.get_label() for line in display.lines_] == [kwargs["label"] for kwargs in each]
    with pytest.raises(ValueError, match="curve_kwargs has"):
        CascadeDisplay.from_estimator(fitted, curve_kwargs=[{}] * (len(each) + 1))


def test_other_scores_are_named():
    model = CascadeClassifier(
        two_blocks(),
        accuracy_target=0.9,
        scoring="roc_auc",
        feature_costs=COSTS,
        cv=2,
        random_state=0,
    ).fit(*two_signals(1500))
    display = CascadeDisplay.from_estimator(model)
    assert display.ax_.get_ylabel() == "Roc auc kept"
    assert any("(estimate)" in text for text in legend(display))


# The K best -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "at", "full"),
    [
        ("cost", [0.2, 0.3, 1.1], 1.0),
        ("speedup", [5, 10 / 3, 10 / 11], 1.0),
        ("share", [0.1, 0.2, 1.0], 1.0),
    ],
)
def test_precision_is_drawn_against_cost_speed_up_or_candidates(x, at, full):
    display = ranked().plot(x=x)
    # Costs are in units of 10 us: the full model's own unit is us.
    scale = 10.0 if x == "cost" else 1.0
    assert_allclose(display.lines_[0].get_xdata(), np.array(at) * scale)
    assert_allclose(display.lines_[0].get_ydata(), [0.8, 0.96, 1.0])
    assert_allclose(point(display.chosen_point_), [at[1] * scale, 0.96])
    assert_allclose(point(display.full_point_), [full * scale, 1.0])
    assert display.ax_.get_ylabel() == "Precision of the 20 best"


def test_a_fitted_ranker_shows_its_tradeoff():
    X, _ = two_signals(3000)
    model = ApproxTopKRanker(
        two_blocks(Ridge()), k=50, precision_target=0.8, feature_costs=COSTS, random_state=0
    ).fit(X, X.sum(axis=1))
    (tradeoff,) = [tradeoff for tradeoff in model.tradeoff_ if tradeoff.chosen is not None]
    for x, values in [("share", tradeoff.share), ("cost", tradeoff.expected_seconds / 1e-3)]:
        display = TopKDisplay.from_estimator(model, x=x)
        (line,) = (line for line in display.lines_ if line.get_linewidth() > 2)
        assert_allclose(line.get_xdata(), values)
        assert_allclose(line.get_ydata(), tradeoff.precision)
        step = tradeoff.chosen
        assert_allclose(point(display.chosen_point_), [values[step], tradeoff.precision[step]])
        assert display.ax_stages_.get_title() == "ApproxTopKRanker"


def test_the_panel_of_a_ranker_shows_which_rows_only_the_filter_scores():
    display = ranked().plot()
    widths = [bar.get_width() for bar in display.ax_stages_.patches]
    assert_allclose(widths, [1 / 3, 2 / 3, 0.8, 0.2])


# Errors -----------------------------------------------------------------------------------------


def test_there_is_an_error_for_estimators_of_another_kind(fitted):
    with pytest.raises(TypeError, match=r"a fitted CascadeClassifier .* Got .*LogisticR"):
        CascadeDisplay.from_estimator(LogisticRegression())
    with pytest.raises(TypeError, match=r"a fitted ApproxTopKRanker .* Got .*CascadeC"):
        TopKDisplay.from_estimator(fitted)


def test_there_is_an_error_for_estimators_that_are_not_fitted():
    with pytest.raises(NotFittedError):
        CascadeDisplay.from_estimator(CascadeClassifier(two_blocks()))


def test_there_is_an_error_where_nothing_was_considered():
    model = CascadeClassifier(LogisticRegression()).fit(*two_signals(100))
    with pytest.raises(ValueError, match="nothing to plot: the estimator has a single block"):
        CascadeDisplay.from_estimator(model)


def test_there_is_an_error_for_a_display_without_what_it_draws(fitted):
    guarantee = fitted.guarantee_
    with pytest.raises(TypeError, match="full_seconds"):
        CascadeDisplay(tradeoffs=fitted.tradeoff_, guarantee=guarantee)
    display = CascadeDisplay(tradeoffs=fitted.tradeoff_, guarantee=guarantee, full_seconds=None)
    with pytest.raises(ValueError, match="full_seconds=None"):
        display.plot()
    assert not guarantee.reason
    display = CascadeDisplay(tradeoffs=[], guarantee=guarantee, full_seconds=1e-3)
    with pytest.raises(ValueError, match=r"nothing to plot: tradeoffs is empty\."):
        display.plot()


def test_an_unknown_axis_is_an_error(fitted):
    with pytest.raises(ValueError, match=r"must be a str among.*Got 'share'"):
        CascadeDisplay.from_estimator(fitted, x="share")


def test_without_matplotlib_the_error_names_the_extra(fitted, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"from_estimator needs Matplotlib.*skwillump\[plot\]"):
        CascadeDisplay.from_estimator(fitted)
    with pytest.raises(ImportError, match=r"plot needs Matplotlib.*skwillump\[plot\]"):
        ranked().plot()
