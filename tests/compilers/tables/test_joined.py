"""Columns of several kinds that one `ColumnTransformer` gives to another."""

import numpy as np
import pandas as pd
import pytest
from answers import assert_answers_alike, single_rows
from sklearn.compose import ColumnTransformer, make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeClassifier

from skwillump import compile_pipeline

N = 160
NUMBERS, TEXTS = ["age", "hours"], ["town", "kind"]
TABLE = pd.DataFrame(
    {
        "age": np.arange(N) * 7 % 41 + 0.5,
        "town": np.array(["Ulm", "Bonn", "Trier", "Köln"])[np.arange(N) * 5 % 4],
        "hours": np.arange(N) * 3 % 11,
        "kind": np.array(["a", "b", "c"])[np.arange(N) * 7 % 3],
    }
)
TABLE.loc[::9, "age"] = np.nan
TABLE.loc[::13, "town"] = np.nan
Y = (np.arange(N) * 11 % 17 > 8).astype(int)


def filled(**params):
    return ColumnTransformer(
        [
            ("numbers", SimpleImputer(), NUMBERS),
            ("texts", SimpleImputer(strategy="most_frequent"), TEXTS),
        ],
        verbose_feature_names_out=False,
        **params,
    )


def framed(transformer):
    return transformer.set_output(transform="pandas")


ONE_HOT = OneHotEncoder(handle_unknown="ignore")
CODES = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
BEHIND = {
    "array by position": [
        filled(),
        make_column_transformer((StandardScaler(), [0, 1]), (ONE_HOT, [2, 3])),
    ],
    "numbers of an array of objects as categories": [
        filled(),
        make_column_transformer((ONE_HOT, [1, 2]), (StandardScaler(), [0])),
    ],
    "all of an array of objects": [filled(), ONE_HOT],
    "frame by name": [
        framed(filled()),
        make_column_transformer((StandardScaler(), NUMBERS), (ONE_HOT, TEXTS)),
    ],
    "frame by dtype": [
        framed(filled()),
        make_column_transformer(
            (
                KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"),
                make_column_selector(dtype_include=np.number),
            ),
            (ONE_HOT, make_column_selector(dtype_exclude=np.number)),
        ),
    ],
    "columns that pass": [
        framed(filled()),
        framed(
            make_column_transformer(
                (StandardScaler(), ["hours"]),
                remainder="passthrough",
                verbose_feature_names_out=False,
            )
        ),
        make_column_transformer((CODES, TEXTS), remainder="passthrough"),
    ],
    "numbers and texts in one encoder": [
        framed(filled()),
        make_column_transformer((TargetEncoder(), ["hours", "town"])),
    ],
}


@pytest.mark.parametrize("name", BEHIND)
@pytest.mark.parametrize("model", [LogisticRegression(), DecisionTreeClassifier(random_state=0)])
def test_columns_of_several_kinds_go_on_without_a_frame(name, model, monkeypatch):
    fitted = make_pipeline(*BEHIND[name], model).fit(TABLE, Y)
    compiled = compile_pipeline(fitted)
    new = TABLE.assign(town=TABLE["town"].where(np.arange(N) % 6 > 0, "Jena"))
    assert_answers_alike(compiled, fitted, new, atol=1e-12)

    def fail(*_):
        raise AssertionError("the original was asked")

    expected = fitted.predict(new)
    monkeypatch.setattr(ColumnTransformer, "transform", fail)
    np.testing.assert_array_equal(compiled.predict(new), expected)
    answers = [compiled.predict_one(row) for row, _ in single_rows(new)]
    np.testing.assert_array_equal(answers, expected[: len(answers)])


def test_a_missing_number_in_an_array_of_objects_is_left_to_the_original():
    texts_filled = make_column_transformer(
        (SimpleImputer(strategy="most_frequent"), TEXTS), ("passthrough", NUMBERS)
    )
    fitted = make_pipeline(
        texts_filled,
        make_column_transformer((ONE_HOT, [0, 1]), (SimpleImputer(), [2, 3])),
        LogisticRegression(),
    ).fit(TABLE, Y)
    assert_answers_alike(compile_pipeline(fitted), fitted, TABLE)


@pytest.mark.parametrize("wrong", [{"town": 3.5}, {"age": "old"}, {"kind": None}])
def test_values_of_another_type_are_answered_or_refused_as_by_the_original(wrong):
    fitted = make_pipeline(*BEHIND["frame by name"], LogisticRegression()).fit(TABLE, Y)
    compiled = compile_pipeline(fitted)
    new = TABLE[:4].astype(object).assign(**wrong)
    try:
        expected = fitted.predict(new)
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            compiled.predict(new)
    else:
        np.testing.assert_array_equal(compiled.predict(new), expected)
