"""One-hot encoders that warn of unknown categories."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder

from skwillump.compilers import compile_step


@pytest.mark.parametrize("n_rows", [3, 60])
def test_unknown_categories_that_are_warned_of_are_encoded_on_the_compiled_path(n_rows):
    table = pd.DataFrame({"a": ["x", "y", "z"] * 20, "b": ["p", "q"] * 30})
    encoder = OneHotEncoder(drop="first", handle_unknown="ignore").fit(table)
    step = compile_step(encoder)
    unknown = table.iloc[:n_rows].copy()
    unknown.loc[1, "b"] = "new"
    with pytest.warns(UserWarning, match="unknown") as expected:
        features = encoder.transform(unknown).toarray()
    with pytest.warns(UserWarning, match="unknown") as told:
        assert np.array_equal(step.dense(unknown), features)
    assert [str(w.message) for w in told] == [str(w.message) for w in expected]
