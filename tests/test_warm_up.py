"""`python -m skwillump.warm_up` compiles kernels before they are needed."""

import re
from itertools import islice

import pytest
from sklearn.base import clone

from skwillump import compile_pipeline, warm_up


def test_the_command_says_what_each_pipeline_took(capsys, monkeypatch):
    monkeypatch.setitem(warm_up.KINDS, "tables", lambda: islice(warm_up.tables(), 1))
    warm_up.main(["tables"])
    (line,) = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"tables: one-hot codes, linear model, 2 classes, [\d.]+ s", line)


def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(capsys):
    with pytest.raises(SystemExit):
        warm_up.main(["numbers"])
    assert "there is no kind numbers; use some of text, tables, trees" in capsys.readouterr().err


@pytest.mark.parametrize("kind", warm_up.KINDS)
def test_every_step_of_the_pipelines_is_compiled(kind):
    for _, estimator, X, y in warm_up.KINDS[kind]():
        explained = compile_pipeline(clone(estimator).fit(X, y)).explain()
        assert "not compiled" not in str(explained)
