"""How a cascade is drawn in notebooks, by scikit-learn's own diagram."""

import re
from functools import partial
from html.parser import HTMLParser

import pandas as pd
import pytest
from common import COSTS, cascade_on_blocks, two_blocks, two_signals, two_signals_frame
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, StandardScaler
from sklearn.utils import estimator_html_repr

from skwillump import ApproxTopKRanker, CascadeClassifier
from skwillump._compat import DiagramLabel
from skwillump.blocks import locate_blocks, split_pipeline
from skwillump.cascade._report import answered_text


class Texts(HTMLParser):
    """What a page shows, without its styles and scripts."""

    def __init__(self):
        super().__init__()
        self.texts, self.hidden = [], 0

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("style", "script")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("style", "script")

    def handle_data(self, data):
        if not self.hidden and data.strip():
            self.texts.append(data.strip())


def shown(estimator):
    """Texts of the diagram below the estimator's own box, in their order."""
    # Called here too because scikit-learn hides what it raises.
    if hasattr(estimator, "_sk_visual_block_"):
        estimator._sk_visual_block_()
    page = Texts()
    page.feed(estimator_html_repr(estimator))
    return page.texts


def parameters_in(estimator):
    """Names of parameters that the diagram's boxes stand for, where scikit-learn writes them."""
    prefixes = re.findall('data-param-prefix="([^"]*)"', estimator_html_repr(estimator))
    return {prefix.removesuffix("__") for prefix in prefixes if prefix}


cascade = partial(cascade_on_blocks, cv=2)


@pytest.fixture(scope="module")
def fitted():
    return cascade().fit(*two_signals(3000))


def title(model, position):
    return f"stage {position}: answers {100 * model.stages_[position].share:.1f} % of rows, "


def test_each_stage_shows_its_share_its_cost_and_the_blocks_that_it_adds(fitted):
    texts = shown(fitted)
    assert len(fitted.stages_) == 2
    first, second = (
        next(i for i, text in enumerate(texts) if text.startswith(title(fitted, position)))
        for position in (0, 1)
    )
    assert first < second
    assert texts[second].endswith("10 ms more a row")
    assert "cheap: compiled, 1 us a row" in texts[first:second]
    assert "dear: compiled, 10 ms a row" in texts[second:]
    assert not any(text.startswith("dear:") for text in texts[first:second])
    assert not any(text.startswith("cheap:") for text in texts[second:])


def test_each_stage_shows_when_it_answers(fitted):
    texts = "\n".join(shown(fitted))
    assert fitted.stages_[0].measure == "probability"
    answered = answered_text(fitted.stages_[0], fitted.classes_)
    assert answered.startswith("rows with probability >= ")
    assert f"answers {answered}" in " ".join(texts.split("\n"))
    assert "answers all rows that are left\nits model uses the blocks cheap, dear" in texts


def test_a_block_that_is_not_compiled_says_why():
    X, y = two_signals(1000)
    texts = "\n".join(shown(cascade(compile=False).fit(X, y)))
    assert "cheap: not compiled, 1 us a row" in texts
    assert "not compiled: compile=False" in texts


def test_long_reasons_are_broken_into_lines():
    X, y = two_signals(300)
    details = CascadeClassifier(LogisticRegression()).fit(X, y)._sk_visual_block_().name_details
    assert "no cascade: the estimator has a single block" in details[0]
    assert max(map(len, details[0].splitlines())) <= 72


def test_a_cascade_that_is_not_fitted_is_drawn_as_any_estimator_around_another():
    class Wrapper(BaseEstimator):
        def __init__(self, estimator):
            self.estimator = estimator

        def fit(self, X, y):
            return self

    def boxes(estimator):
        texts = shown(estimator)
        return texts[next(i for i, text in enumerate(texts) if text == "estimator: Pipeline") :]

    model = cascade()
    assert not hasattr(model, "_sk_visual_block_")
    assert boxes(model) == boxes(Wrapper(model.estimator))


def test_the_diagram_follows_the_target(fitted):
    model = clone(fitted).fit(*two_signals(3000))
    assert any(text.startswith(title(model, 1)) for text in shown(model))
    texts = shown(model.set_accuracy_target(1.0))
    assert any(text.startswith("stage 0: answers 100.0 % of rows") for text in texts)
    assert not any(text.startswith("stage 1") for text in texts)
    assert "no cascade: accuracy_target=1.0 allows no approximation" in "\n".join(texts)


def test_an_estimator_of_one_block_is_drawn_below_who_answers():
    X, y = two_signals(300)
    texts = shown(CascadeClassifier(LogisticRegression()).fit(X, y))
    assert "LogisticRegression" in texts[texts.index("full model: answers every row") :]


def test_a_ranker_shows_its_filter_and_how_many_rows_get_the_full_score():
    X, _ = two_signals(3000)
    model = ApproxTopKRanker(
        two_blocks(Ridge()), k=50, precision_target=0.8, feature_costs=COSTS, random_state=0
    )
    assert not hasattr(model, "_sk_visual_block_")
    texts = shown(model.fit(X, X.sum(axis=1)))
    share = model.stages_[1].share
    first, second = (
        next(i for i, text in enumerate(texts) if text.startswith(title))
        for title in (
            "stage 0: scores 100 % of rows, ",
            f"stage 1: scores {100 * share:.3g} % of rows, 10 ms more a row",
        )
    )
    assert first < texts.index("cheap: compiled, 1 us a row") < second
    assert second < texts.index("dear: compiled, 10 ms a row")
    assert "scores the rows that are let through" in "\n".join(texts[second:])
    assert parameters_in(model) <= model.get_params().keys()


def test_boxes_stand_for_parameters_that_can_be_set():
    X, y = two_signals_frame(2000)
    nested = make_pipeline(StandardScaler(), FeatureUnion([("a", MaxAbsScaler()), ("b", "drop")]))
    columns = ColumnTransformer([("cheap", StandardScaler(), ["c"]), ("dear", nested, ["d"])])
    for after in ([], [("scale", MaxAbsScaler())]):
        steps = [("id", FunctionTransformer()), ("columns", columns), *after]
        for approx in (None, GaussianNB()):
            model = CascadeClassifier(
                Pipeline([*steps, ("model", LogisticRegression())]),
                accuracy_target=0.95,
                approx_estimator=approx,
                feature_costs={"cheap": 1e-6, "dear": 1.0},
                cv=2,
                random_state=0,
            ).fit(X, y)
            assert len(model.stages_) == 2
            named = parameters_in(model)
            assert named <= model.get_params().keys()
            if named:  # scikit-learn before 1.7 writes none
                assert {"estimator__columns__cheap", "estimator__model"} <= named
                assert ("approx_estimator" in named) == (approx is not None)


def test_blocks_are_located_where_the_pipeline_has_them():
    union = make_union(
        CountVectorizer(),
        make_pipeline(
            FunctionTransformer(),
            FeatureUnion([("word", TfidfVectorizer()), ("char", TfidfVectorizer(analyzer="char"))]),
        ),
    )
    text = ColumnTransformer([("one", union, "t"), ("two", CountVectorizer(), "u")])
    pipeline = Pipeline([("inner", Pipeline([("text", text)])), ("model", LogisticRegression())])
    X = pd.DataFrame({"t": ["a word", "two words"], "u": ["and a", "third word"]})
    pipeline.set_params(
        inner__text__one__countvectorizer__token_pattern=r"\w",
        inner__text__two__token_pattern=r"\w",
        inner__text__one__pipeline__featureunion__word__token_pattern=r"\w",
    )
    graph = split_pipeline(pipeline.fit(X, [0, 1]))
    located = locate_blocks(graph)
    assert tuple(located) == graph.names
    assert [block.columns for block in located.values()] == ["t", "t", "t", "u"]
    params = graph.features.get_params()
    for block in located.values():
        assert block.parameter in pipeline.get_params()
        name = block.parameter.removeprefix("inner__text__")
        assert type(params[name]) is type(block.transformer)


def test_a_label_shows_one_text_and_stands_for_another():
    label = DiagramLabel("cheap: compiled", "estimator__cheap")
    assert label == "cheap: compiled"
    assert label.split(":")[0] == "estimator__cheap"
    assert not hasattr(DiagramLabel("stage 0"), "split")


def test_first_trees_are_drawn_as_what_they_are():
    X, _ = two_signals(6000)
    y = (X.prod(axis=1) > 0).astype(int)  # as no linear model and no block alone tells
    model = cascade(
        RandomForestClassifier(1500, min_samples_leaf=5, random_state=0),  # so that few cost less
        accuracy_target=0.97,
        feature_costs={"cheap": 1e-9, "dear": 1e-9},
        cv=0.3,
    ).fit(X, y)
    n_trees = model.stages_[0].n_trees
    assert n_trees is not None
    texts = shown(model)
    assert f"first {n_trees} trees" in texts
    assert "RandomForestClassifier" in texts[texts.index(f"first {n_trees} trees") :]
    assert parameters_in(model) <= model.get_params().keys()
