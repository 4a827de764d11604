"""Wrappers whose members become one model: of shared features, or each of its own."""

import numpy as np
import pandas as pd
import pytest
import scipy
from answers import assert_answers_alike, whole_twin
from scipy.special import logsumexp
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skwillump import compile_pipeline
from skwillump.blocks._joined import JoinedModel
from skwillump.compilers import compile_model
from skwillump.compilers._features import MAX_DENSE_FEATURES
from skwillump.compilers.models._linear import log_sum

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(240, 5)), RNG.normal(size=(80, 5))
SIGNAL = X[:, 0] + 0.3 * RNG.normal(size=len(X))
TWO = np.where(SIGNAL > 0, "yes", "no")
THREE = np.array(["a", "b", "c"])[np.digitize(SIGNAL, [-0.5, 0.5])]
VALUES = np.column_stack((SIGNAL, SIGNAL**2))
LABELS = np.column_stack((THREE, TWO))
SETS = np.column_stack((SIGNAL > 0, SIGNAL > 0.4, SIGNAL + X[:, 1] > 0)).astype(int)
TEXTS = [" ".join(RNG.choice(["fine", "poor", "film", "story", "song"], 6)) for _ in X]
pytestmark = pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")  # log(0)


def forest():
    return RandomForestClassifier(5, random_state=0)


def linear():
    return LogisticRegression()


WRAPPERS = {
    "one vs. rest of trees": (OneVsRestClassifier(forest()), THREE),
    "one vs. rest of two classes": (OneVsRestClassifier(linear()), TWO),
    "one vs. rest of machines": (OneVsRestClassifier(LinearSVC()), THREE),
    "one vs. rest of Gaussians": (OneVsRestClassifier(GaussianNB()), THREE),
    "soft vote": (
        VotingClassifier([("t", forest()), ("l", linear())], voting="soft", weights=[1, 2]),
        THREE,
    ),
    "hard vote": (VotingClassifier([("t", forest()), ("l", linear()), ("s", SVC())]), THREE),
    "hard vote with weights": (
        VotingClassifier([("t", forest()), ("l", linear())], weights=[0.5, 0.25]),
        THREE,
    ),
    "mean": (
        VotingRegressor([("r", Ridge()), ("g", GradientBoostingRegressor(n_estimators=5))]),
        SIGNAL,
    ),
    "outputs of trees": (MultiOutputClassifier(forest()), LABELS),
    "values of trees": (MultiOutputRegressor(GradientBoostingRegressor(n_estimators=5)), VALUES),
    "stack": (StackingClassifier([("t", forest()), ("l", linear())], linear(), cv=2), TWO),
    "stack of three classes": (
        StackingClassifier([("t", forest()), ("l", LinearSVC())], linear(), cv=2),
        THREE,
    ),
    "stack under trees": (StackingClassifier([("l", linear())], forest(), cv=2), THREE),
    "stack under boosted trees": (
        StackingClassifier(
            [("t", forest()), ("l", linear())], GradientBoostingClassifier(n_estimators=5), cv=2
        ),
        TWO,
    ),
    "stack of values under trees": (
        StackingRegressor(
            [("r", Ridge()), ("t", RandomForestRegressor(5, random_state=0))],
            RandomForestRegressor(5, random_state=0),
            cv=2,
        ),
        SIGNAL,
    ),
    "stack under neighbours": (
        StackingClassifier([("g", GaussianNB()), ("l", linear())], KNeighborsClassifier(), cv=2),
        THREE,
    ),
    "stack with the features": (
        StackingClassifier([("t", forest())], linear(), cv=2, passthrough=True),
        THREE,
    ),
    "stack of two classes with the features": (
        StackingClassifier(
            [("t", forest()), ("g", GaussianNB())], linear(), cv=2, passthrough=True
        ),
        TWO,
    ),
    "stack with the features under trees": (
        StackingClassifier([("l", linear())], forest(), cv=2, passthrough=True),
        TWO,
    ),
    "stack with the features under neighbours": (
        StackingClassifier([("l", linear())], KNeighborsClassifier(), cv=2, passthrough=True),
        THREE,
    ),
    "stack of linear models with the features": (
        StackingRegressor([("r", Ridge())], Ridge(), cv=2, passthrough=True),
        SIGNAL,
    ),
    "stack of values with the features": (
        StackingRegressor(
            [("r", Ridge()), ("t", RandomForestRegressor(5, random_state=0))],
            GradientBoostingRegressor(n_estimators=5),
            cv=2,
            passthrough=True,
        ),
        SIGNAL,
    ),
    "stack of values": (
        StackingRegressor(
            [("r", Ridge()), ("t", RandomForestRegressor(5, random_state=0))], Ridge(), cv=2
        ),
        SIGNAL,
    ),
    "calibrated trees": (CalibratedClassifierCV(forest(), cv=2), THREE),
    "calibrated Gaussians": (CalibratedClassifierCV(GaussianNB(), cv=2), THREE),
    "vote with neighbours": (
        VotingClassifier(
            [("k", KNeighborsClassifier()), ("n", GaussianNB()), ("l", linear())], voting="soft"
        ),
        THREE,
    ),
    "hard vote with neighbours": (
        VotingClassifier([("k", KNeighborsClassifier()), ("s", SVC()), ("t", forest())]),
        THREE,
    ),
    "stack with neighbours": (
        StackingClassifier([("k", KNeighborsClassifier()), ("n", GaussianNB())], linear(), cv=2),
        TWO,
    ),
    "threshold on trees": (FixedThresholdClassifier(forest(), threshold=0.3), TWO),
    "one vs. one": (OneVsOneClassifier(linear()), THREE),
    "one vs. one of machines": (OneVsOneClassifier(LinearSVC()), THREE),
    "one vs. one of trees": (OneVsOneClassifier(forest()), THREE),
    "one vs. one of two classes": (OneVsOneClassifier(linear()), TWO),
    "bag": (BaggingClassifier(linear(), 4, random_state=0), TWO),
    "bag of some features": (
        BaggingClassifier(linear(), 4, max_features=0.5, random_state=0),
        THREE,
    ),
    "bag of features drawn twice": (
        BaggingClassifier(linear(), 4, bootstrap_features=True, random_state=0),
        THREE,
    ),
    "bag of votes": (BaggingClassifier(LinearSVC(), 4, random_state=0), THREE),
    "bag of Gaussians": (
        BaggingClassifier(GaussianNB(), 4, max_features=0.7, random_state=0),
        THREE,
    ),
    "bag of neighbours": (BaggingClassifier(KNeighborsClassifier(), 3, random_state=0), THREE),
    "bag of values": (BaggingRegressor(Ridge(), 4, max_features=3, random_state=0), SIGNAL),
    "median": (AdaBoostRegressor(n_estimators=6, random_state=0), SIGNAL),
    "median of lines": (AdaBoostRegressor(Ridge(), n_estimators=6, random_state=0), SIGNAL),
    "boosted lines": (AdaBoostClassifier(linear(), n_estimators=6), TWO),
    "boosted lines of three classes": (AdaBoostClassifier(linear(), n_estimators=6), THREE),
    "boosted machines": (AdaBoostClassifier(SVC(), n_estimators=3), TWO),
    "boosted forests": (AdaBoostClassifier(forest(), n_estimators=3, random_state=0), THREE),
    "codes": (OutputCodeClassifier(LinearSVC(), code_size=3, random_state=0), THREE),
    "codes of probabilities": (OutputCodeClassifier(forest(), code_size=4, random_state=0), THREE),
    "codes of one tree": (
        OutputCodeClassifier(DecisionTreeClassifier(random_state=0), code_size=3, random_state=0),
        THREE,
    ),
    "codes of curves": (OutputCodeClassifier(SVC(), code_size=3, random_state=1), THREE),
    "self-training": (SelfTrainingClassifier(linear()), np.where(X[:, 4] > 0.3, -1, SIGNAL > 0)),
    "self-trained forest": (SelfTrainingClassifier(forest()), SETS[:, 0] - (X[:, 4] > 0.5)),
    "chain": (ClassifierChain(linear(), order=[2, 0, 1]), SETS),
    "chain of probabilities": (ClassifierChain(linear(), chain_method="predict_proba"), SETS),
    "chain of machines": (ClassifierChain(LinearSVC()), SETS),
    "chain fitted on folds": (ClassifierChain(linear(), cv=2), SETS),
    "chain of trees": (ClassifierChain(forest()), SETS),
    "chain of probabilities of trees": (
        ClassifierChain(forest(), chain_method="predict_proba", order=[1, 2, 0]),
        SETS,
    ),
    "chain of boosted trees": (
        ClassifierChain(
            GradientBoostingClassifier(n_estimators=5), chain_method="decision_function"
        ),
        SETS,
    ),
    "chain of values": (RegressorChain(Ridge(), order=[1, 0]), VALUES),
    "chain of values of trees": (
        RegressorChain(RandomForestRegressor(5, random_state=0), order=[1, 0]),
        VALUES,
    ),
    "chain of boosted values": (RegressorChain(GradientBoostingRegressor(n_estimators=5)), VALUES),
    "chain of values fitted on folds": (
        RegressorChain(RandomForestRegressor(5, max_depth=4, random_state=0), cv=2),
        VALUES,
    ),
    "logarithm of a target": (
        TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp),
        SIGNAL**2 + 1.0,
    ),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_members_of_the_same_features_read_them_once(name):
    wrapper, y = WRAPPERS[name]
    pipeline = make_pipeline(StandardScaler(), wrapper).fit(X, y)
    compiled = whole_twin(pipeline)
    assert_answers_alike(compiled, pipeline, NEW)


@pytest.mark.parametrize("name", WRAPPERS)
def test_members_read_a_table_without_steps_before(name):
    wrapper, y = WRAPPERS[name]
    fitted = wrapper.fit(X, y)
    assert_answers_alike(compile_pipeline(fitted), fitted, NEW)


def piped(model):
    return make_pipeline(StandardScaler(), model)


PIPELINES = {
    "vote": (
        VotingClassifier(
            [("a", piped(linear())), ("b", make_pipeline(MinMaxScaler(), forest()))], voting="soft"
        ),
        THREE,
    ),
    "vote with neighbours": (
        VotingClassifier(
            [("a", piped(linear())), ("k", piped(KNeighborsClassifier()))], voting="soft"
        ),
        THREE,
    ),
    "calibrated": (CalibratedClassifierCV(piped(forest()), cv=3), TWO),
    "stack": (StackingClassifier([("a", piped(forest())), ("b", linear())], linear(), cv=2), TWO),
    "stack with the features": (
        StackingClassifier(
            [("a", piped(forest())), ("b", linear())], linear(), cv=2, passthrough=True
        ),
        TWO,
    ),
    "stack with the features under trees": (
        StackingClassifier([("a", piped(linear()))], forest(), cv=2, passthrough=True),
        THREE,
    ),
    "target": (
        TransformedTargetRegressor(piped(Ridge()), func=np.log, inverse_func=np.exp),
        SIGNAL**2 + 1.0,
    ),
    "one vs. rest": (OneVsRestClassifier(piped(forest())), THREE),
    "one vs. one": (OneVsOneClassifier(piped(linear())), THREE),
    "bag": (BaggingClassifier(piped(linear()), 3, random_state=0), TWO),
    "bag of some features": (
        BaggingClassifier(piped(linear()), 3, max_features=0.5, random_state=0),
        TWO,
    ),
    "chain": (ClassifierChain(piped(linear())), SETS),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_members_that_are_pipelines_answer_side_by_side(name):
    wrapper, y = PIPELINES[name]
    fitted = wrapper.fit(X, y)
    compiled = whole_twin(fitted)
    assert_answers_alike(compiled, fitted, NEW)
    shared = compile_pipeline(compiled, n_jobs=2)
    assert_answers_alike(shared, fitted, NEW)


@pytest.mark.parametrize(
    "name",
    ["calibrated Gaussians", "vote with neighbours", "stack with neighbours", "bag of Gaussians"],
)
def test_one_row_is_answered_by_all_members_at_once(name, monkeypatch):
    wrapper, y = WRAPPERS[name]
    pipeline = make_pipeline(StandardScaler(), wrapper).fit(X, y)
    compiled = compile_pipeline(pipeline)
    expected = pipeline.predict(NEW)
    monkeypatch.setattr(type(wrapper), "predict_proba", None)  # not its own code
    assert [compiled.predict_one(row) for row in NEW] == list(expected)


@pytest.mark.parametrize(
    "wrapper",
    [
        OneVsRestClassifier(MultinomialNB()),
        OneVsRestClassifier(SGDClassifier(random_state=0)),
        VotingClassifier([("n", MultinomialNB()), ("l", linear())], voting="soft"),
        VotingClassifier([("n", MultinomialNB()), ("t", forest())], voting="soft"),
        OneVsOneClassifier(LinearSVC()),
        BaggingClassifier(MultinomialNB(), 3, random_state=0),
        BaggingClassifier(linear(), 3, max_features=0.5, random_state=0),
    ],
    ids=repr,
)
def test_members_read_texts_once(wrapper):
    pipeline = make_pipeline(TfidfVectorizer(), wrapper).fit(TEXTS, THREE)
    assert_answers_alike(compile_pipeline(pipeline), pipeline, TEXTS)


@pytest.mark.parametrize(
    "wrapper",
    [
        VotingClassifier([("b", MultinomialNB()), ("l", linear()), ("t", forest())]),
        VotingClassifier([("l", linear()), ("t", forest())], voting="soft", weights=[1, 2]),
        StackingClassifier([("b", MultinomialNB()), ("t", forest())], linear(), cv=2),
        StackingClassifier([("b", MultinomialNB())], linear(), cv=2, passthrough=True),
        OneVsRestClassifier(forest()),
        MultiOutputClassifier(forest()),
        MultiOutputClassifier(KNeighborsClassifier()),
    ],
    ids=repr,
)
@pytest.mark.parametrize("n_words", [600, 6000])
def test_members_read_wide_sparse_rows_as_they_are_and_texts_once(monkeypatch, wrapper, n_words):
    vocabulary = [f"word{i}" for i in range(n_words)]
    texts = [" ".join(RNG.choice(vocabulary, n_words // 50)) + " " + text for text in TEXTS]
    asked = []

    def tokens(text):
        asked.append(text)
        return text.split()

    vectorizer = TfidfVectorizer(tokenizer=tokens, token_pattern=None)
    y = LABELS if isinstance(wrapper, MultiOutputClassifier) else THREE
    pipeline = make_pipeline(vectorizer, wrapper).fit(texts, y)
    compiled = compile_pipeline(pipeline)
    assert (len(vectorizer.vocabulary_) > MAX_DENSE_FEATURES) == (n_words == 6000)
    assert_answers_alike(compiled, pipeline, texts)
    # Of a batch, no row is made dense for all members.
    monkeypatch.setattr(JoinedModel, "raw", None)
    expected = pipeline.predict(texts)
    asked.clear()
    np.testing.assert_array_equal(compiled.predict(texts), expected)
    assert asked[: len(texts)] == texts
    assert len(asked) < 1.2 * len(texts)  # rows in doubt are the original's


def test_missing_values_in_the_place_of_numbers_are_refused_as_scikit_learn_refuses_them():
    for name, (wrapper, y) in WRAPPERS.items():
        pipeline = make_pipeline(StandardScaler(), wrapper).fit(X, y)
        compiled = compile_pipeline(pipeline)
        rows = np.full((2, 5), np.nan)
        expected = outcome(pipeline.predict, rows)
        assert outcome(compiled.predict, rows) == expected, name
        assert outcome(compiled.predict_one, rows[0]) == expected, name


def outcome(call, rows):
    try:
        call(rows)
    except ValueError:
        return "refused"
    return "answered"


@pytest.mark.parametrize(
    ("wrapper", "y"),
    [
        (VotingClassifier([("nb", GaussianNB()), ("tree", forest())], voting="soft"), THREE),
        (BaggingClassifier(GaussianNB(), 2, random_state=0), THREE),
        (OneVsRestClassifier(GaussianNB()), THREE),
        (CalibratedClassifierCV(GaussianNB(), cv=2), TWO),
    ],
    ids=lambda value: type(value).__name__,
)
def test_labels_and_their_doubts_follow_from_one_answer_of_each_member(monkeypatch, wrapper, y):
    fitted = wrapper.fit(X, y)
    twin = compile_pipeline(fitted)
    asked = []
    kind = type(compile_model(GaussianNB().fit(X, y)))
    answer = kind.predict_proba
    monkeypatch.setattr(
        kind, "predict_proba", lambda self, scores: asked.append(self) or answer(self, scores)
    )
    np.testing.assert_array_equal(twin.predict(NEW), fitted.predict(NEW))
    assert len(asked) == len(set(map(id, asked))) > 0


@pytest.mark.parametrize("n_classes", [2, 3, 7, 8, 9])
def test_sums_of_a_few_exponentials_are_scipys(n_classes):
    scores = RNG.normal(size=(50, 4, n_classes)) * 30
    scores[::3, :, -1] = scores[::3, :, 0]
    scores[0, 0] = -np.inf
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = logsumexp(scores, axis=-1, keepdims=True)
    found = log_sum(scores)
    # Earlier releases add the largest of them up with the others, which may change the last bit.
    exact = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 17)
    np.testing.assert_allclose(found[1:], expected[1:], rtol=0.0 if exact else 1e-13)
    assert found.shape == expected.shape


@pytest.mark.parametrize("name", ["chain of trees", "chain of values of trees"])
def test_chained_trees_answer_without_the_chain(name, monkeypatch):
    wrapper, y = WRAPPERS[name]
    fitted = make_pipeline(StandardScaler(), wrapper).fit(X, y)
    compiled, expected = compile_pipeline(fitted), fitted.predict(NEW)
    monkeypatch.setattr(type(wrapper), "predict", None)
    np.testing.assert_array_equal(compiled.predict(NEW), expected)
    np.testing.assert_array_equal([compiled.predict_one(row) for row in NEW], expected)


def test_a_chain_of_trees_refuses_missing_values_as_it_did():
    fitted = make_pipeline(StandardScaler(), RegressorChain(RandomForestRegressor(3))).fit(
        X, VALUES
    )
    rows = NEW.copy()
    rows[3, 1] = np.nan
    for answer in (fitted.predict, compile_pipeline(fitted).predict):
        with pytest.raises(ValueError, match="NaN"):
            answer(rows)


def test_answers_at_a_threshold_of_the_last_of_a_stack_are_in_doubt():
    stack = StackingRegressor([("r", Ridge())], DecisionTreeRegressor(max_depth=2), cv=2)
    stack.fit(X, SIGNAL)
    answer = stack.estimators_[0].predict(NEW[3:4])[0]
    below = np.float32(answer)  # trees read float32: what lies between two is rounded either way
    between = (float(below) + float(np.nextafter(below, np.float32(np.inf)))) / 2
    stack.estimators_[0].intercept_ += between - answer
    stack.final_estimator_.tree_.threshold[0] = below
    compiled = compile_pipeline(stack)
    model = compiled._parts.model
    scores = compiled._scores(NEW)
    assert 3 in model.doubtful(scores)
    assert len(model.doubtful(scores)) < len(NEW) / 2
    assert_answers_alike(compiled, stack, NEW)


def test_missing_numbers_pass_a_stack_only_where_its_last_model_reads_them():
    table = X.copy()
    table[::7, 0] = np.nan
    members = [("h", HistGradientBoostingClassifier(max_iter=3))]
    with_nan = NEW.copy()
    with_nan[::5, 0] = np.nan
    last = HistGradientBoostingClassifier(max_iter=3)
    stack = StackingClassifier(members, last, cv=2, passthrough=True).fit(table, TWO)
    assert_answers_alike(compile_pipeline(stack), stack, with_nan)
    stack = StackingClassifier(members, linear(), cv=2, passthrough=True).fit(X, TWO)
    compiled = compile_pipeline(stack)
    for answer, rows in ((compiled.predict, with_nan), (compiled.predict_one, with_nan[0])):
        with pytest.raises(ValueError, match="NaN"):
            answer(rows)


def test_a_stack_hands_on_the_columns_of_a_frame():
    frame = pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    new = pd.DataFrame(NEW, columns=frame.columns)
    members = [("a", make_pipeline(StandardScaler(), linear()))]
    stack = StackingClassifier(members, linear(), cv=2, passthrough=True).fit(frame, TWO)
    assert_answers_alike(whole_twin(stack), stack, new)


def test_codes_as_near_as_others_are_told_apart_without_the_wrapper(monkeypatch):
    tree = DecisionTreeClassifier(random_state=0)  # whose answers are zeros and ones
    codes = OutputCodeClassifier(tree, code_size=3, random_state=0).fit(X, THREE)
    compiled = compile_pipeline(codes)
    expected = codes.predict(NEW)
    monkeypatch.setattr(OutputCodeClassifier, "predict", None)
    np.testing.assert_array_equal(compiled.predict(NEW), expected)


def machine():
    return SVC(random_state=0)


def network():
    return MLPClassifier((4,), max_iter=5, random_state=0)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    "wrapper",
    [
        VotingClassifier([("l", linear()), ("s", machine()), ("n", network()), ("t", forest())]),
        VotingClassifier([("l", linear()), ("n", network())], voting="soft"),
        StackingClassifier([("s", machine()), ("n", network())], linear(), cv=2),
        OneVsRestClassifier(machine()),
        OneVsOneClassifier(machine()),
        CalibratedClassifierCV(machine(), cv=2, ensemble=False),
        BaggingClassifier(network(), 2, random_state=0),
    ],
    ids=["vote", "soft vote", "stack", "one vs. rest", "one vs. one", "calibrated", "bag"],
)
@pytest.mark.parametrize("threshold", [0.0, 1.0], ids=["array", "sparse"])
def test_machines_and_networks_behind_categories_are_one_model_with_others(wrapper, threshold):
    names = [f"c{i}" for i in range(X.shape[1])]
    frame, new = (pd.DataFrame(np.rint(rows), columns=names) for rows in (X, NEW))
    features = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), names[:2]),
        (StandardScaler(), names[2:]),
        sparse_threshold=threshold,
    )
    fitted = make_pipeline(features, wrapper).fit(frame, THREE)
    compiled = whole_twin(fitted)
    assert isinstance(compiled._parts.model, JoinedModel)
    assert_answers_alike(compiled, fitted, new, atol=1e-12)
