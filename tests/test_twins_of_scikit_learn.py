"""scikit-learn's own tests pass when compiled twins answer in them; see `answered_by_twins`."""

from importlib.metadata import version

import pytest
from twins_of_scikit_learn import FILES, IN_CI, KNOWN, figures


@pytest.mark.skipif(
    tuple(map(int, version("scikit-learn").split(".")[:2])) < (1, 8),
    reason="what is known to differ is known of today's scikit-learn",
)
@pytest.mark.parametrize("file", IN_CI)
def test_scikit_learns_own_tests_pass_with_answers_of_twins(file):
    found = figures(file, with_plain=False)
    assert found.compiled
    assert not found.unknown()


def test_what_differs_is_said_of_files_that_are_run():
    assert {test.partition("::")[0] for test in KNOWN} <= set(FILES)
