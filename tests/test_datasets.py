"""The loaders: what they label, what they leave out, and what they say when data are missing."""

import builtins
import os
import re
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from skwillump.datasets import load_benchmark, load_stdlib_lines
from skwillump.datasets._benchmarks import BENCHMARKS

MODULE = '''\
# -*- coding: utf-8 -*-
"""Summary of the module.

    an indented second line
"""
import operator as op
TEXT = """this is a string,
not a docstring"""


class Thing:
    'one line of class'

    size = 1


try:
    with open("unused_name"):
        async def read(self):
            """Read it, nested deep."""; rest = 1
            return rest
except OSError:
    def read(self):
        # a comment, then
        r"""A raw one."""
match TEXT:
    case "anything":
        def late(): "on the line of its def"
number = 1 if TEXT else 2
'''
DOCUMENTATION = [
    '"""Summary of the module.',
    "    an indented second line",
    "    'one line of class'",
    '            """Read it, nested deep."""; rest = 1',
    '        r"""A raw one."""',
    '        def late(): "on the line of its def"',
]


@pytest.fixture
def stdlib(tmp_path, monkeypatch):
    """Make a folder of files pass for the standard library: a function from names to sources."""
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path / name))

    def write(sources):
        for name, source in sources.items():
            path = tmp_path / "stdlib" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source if isinstance(source, bytes) else source.encode())

    return write


@pytest.fixture(scope="module")
def real_lines():
    return load_stdlib_lines()


def test_documentation_is_what_stands_in_docstrings(stdlib):
    stdlib({"thing.py": MODULE})
    lines = load_stdlib_lines()
    assert lines.data[lines.target == 1].tolist() == DOCUMENTATION
    code = lines.data[lines.target == 0].tolist()
    assert 'not a docstring"""' in code
    assert "        # a comment, then" in code
    assert set(code) | set(DOCUMENTATION) == {
        line for line in MODULE.split("\n") if len(line.strip()) >= 8
    }


def test_short_lines_are_left_out_by_their_stripped_length(stdlib):
    stdlib({"a.py": "if some:\n  abcdefg   \n\n  abcd = 1\n"})
    assert load_stdlib_lines(return_X_y=True)[0].tolist() == ["if some:", "  abcd = 1"]
    assert load_stdlib_lines(min_length=7).data.tolist()[1] == "  abcdefg   "
    assert len(load_stdlib_lines(min_length=0).data) == 5


def test_tests_and_installed_packages_are_left_out(stdlib):
    line = "number = 1\n"
    left_out = [
        "test/a.py",
        "lib2to3/tests/a.py",
        "idlelib/idle_test/a.py",
        "unittest/a.py",
        "doctest.py",
        "site-packages/a/b.py",
        "dist-packages/a.py",
        "notes.txt",
    ]
    stdlib(dict.fromkeys([*left_out, "b.py", "b/a.py", "a/z/c.py", "a_.py"], line))
    assert load_stdlib_lines().groups.tolist() == ["a/z/c.py", "a_.py", "b/a.py", "b.py"]


def test_files_that_are_not_of_this_python_are_skipped(stdlib):
    stdlib(
        {
            "a.py": "print 'Python 2'\n",
            "b.py": b"text = '\xff\xfe'\n",
            "c.py": "# -*- coding: no-such-codec -*-\n",
            "d.py": b"# -*- coding: latin-1 -*-\nname = '\xe9'\r\nafter = 1\x0c\r\n",
        }
    )
    assert load_stdlib_lines().data.tolist() == [
        "# -*- coding: latin-1 -*-",
        "name = 'é'",
        "after = 1\x0c",
    ]


def test_warnings_about_the_source_neither_show_nor_drop_a_file(stdlib, recwarn):
    stdlib({"a.py": "pattern = '\\d+'\nassert (pattern, 'always true')\n"})
    assert len(load_stdlib_lines().data) == 2
    assert not recwarn.list


def test_a_python_without_sources_is_an_error_that_names_the_folder(stdlib, tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "stdlib"))):
        load_stdlib_lines()


def test_stdlib_lines_are_many_and_a_seventh_is_documentation(real_lines):
    assert real_lines.data.shape == real_lines.target.shape == real_lines.groups.shape
    assert len(real_lines.data) > 200_000
    assert 0.11 < real_lines.target.mean() < 0.16
    assert real_lines.target_names == ["code", "documentation"]
    assert {type(line) for line in real_lines.data} == {str}
    assert not [group for group in set(real_lines.groups) if "test" in group]


def test_stdlib_lines_come_in_the_same_order_every_time(real_lines):
    X, y = load_stdlib_lines(return_X_y=True)
    np.testing.assert_array_equal(X, real_lines.data)
    np.testing.assert_array_equal(y, real_lines.target)


# load_benchmark: what it says, on files made here, and what it reads, on the real ones.

NAMES = sorted(BENCHMARKS)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SKWILLUMP_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def real_folder():
    path = os.environ.get("SKWILLUMP_DATA")
    if not path:
        pytest.skip("needs the data sets in the folder SKWILLUMP_DATA")
    return Path(path)


def write_benchmark(folder, name, rows):
    pd = pytest.importorskip("pandas")
    columns = BENCHMARKS[name].columns
    frame = pd.DataFrame([dict.fromkeys(columns, "x") | row for row in rows], columns=columns)
    frame.to_csv(folder / f"{name}.csv.gz", index=False)
    return frame


def test_an_unknown_name_is_an_error_that_lists_the_names():
    with pytest.raises(ValueError, match="'music'") as error:
        load_benchmark("music")
    for name in NAMES:
        assert repr(name) in str(error.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, "", "nowhere"])
def test_a_missing_file_is_an_error_that_says_what_it_holds_and_its_source(
    name, value, monkeypatch
):
    if value is None:
        monkeypatch.delenv("SKWILLUMP_DATA", raising=False)
    else:
        monkeypatch.setenv("SKWILLUMP_DATA", value)
    with pytest.raises(FileNotFoundError) as error:
        load_benchmark(name)
    message, benchmark = str(error.value), BENCHMARKS[name]
    assert f"{name}.csv.gz" in message
    assert ("is 'nowhere'" if value else "SKWILLUMP_DATA names, which is not set") in message
    for part in (*benchmark.columns, benchmark.title, benchmark.source, f"{benchmark.n_rows:,}"):
        assert part in message


def test_without_pandas_the_error_names_the_extra(folder, monkeypatch):
    (folder / "clickbait.csv.gz").touch()
    real_import = builtins.__import__

    def without_pandas(name, *args, **kwargs):
        if name == "pandas":
            raise ImportError("No module named 'pandas'")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ImportError, match=r"skwillump\[dataframe\]"):
        load_benchmark("clickbait")


def test_a_file_without_a_needed_column_is_an_error_that_names_it(folder):
    pd = pytest.importorskip("pandas")
    pd.DataFrame({"headline": ["a"], "label": [1]}).to_csv(folder / "clickbait.csv.gz", index=False)
    with pytest.raises(ValueError, match="no column clickbait: it has the columns headline, label"):
        load_benchmark("clickbait")


def test_a_text_set_is_an_array_of_str_and_its_masks_are_boolean(folder):
    write_benchmark(
        folder,
        "toxic",
        [
            {"comment_text": "kind", "toxic": 0, "natural_prevalence_sample": 1},
            {"comment_text": "rude", "toxic": 1, "natural_prevalence_sample": 0},
        ],
    )
    toxic = load_benchmark("toxic")
    assert toxic.data.dtype == object
    assert toxic.data.tolist() == ["kind", "rude"]
    assert toxic.target.tolist() == [0, 1]
    assert toxic.data[toxic.natural].tolist() == ["kind"]
    assert toxic.feature_names == ["comment_text"]
    assert "CC0" in toxic.DESCR


def test_a_table_has_neither_the_target_nor_the_columns_of_masks(folder):
    rows = [
        {"age": 30, "workclass": "?", "income": "<=50K", "split": "train"},
        {"age": 40, "workclass": "Private", "income": ">50K", "split": "test"},
    ]
    frame = write_benchmark(folder, "adult", rows)
    adult = load_benchmark("adult")
    assert list(adult.data.columns) == adult.feature_names == list(frame.columns[:-2])
    assert adult.data["workclass"].tolist() == ["?", "Private"]
    assert adult.target.tolist() == ["<=50K", ">50K"]
    assert adult.test.tolist() == [False, True]
    assert list(adult.frame.columns) == list(frame.columns)


def test_as_frame_gives_series_with_the_same_values(folder):
    write_benchmark(folder, "product", [{"category_label": "TVs"}, {"product_title": "y"}])
    X, y = load_benchmark("product", return_X_y=True)
    X_series, y_series = load_benchmark("product", as_frame=True, return_X_y=True)
    assert isinstance(X, np.ndarray)
    assert isinstance(y, np.ndarray)
    assert (X_series.name, y_series.name) == ("product_title", "category_label")
    assert X_series.tolist() == X.tolist()
    assert y_series.tolist() == y.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_the_documentation_lists_every_set_with_its_rows(name):
    rows = f"{BENCHMARKS[name].n_rows:,}"
    assert re.search(rf"^    {name} +{rows} ", load_benchmark.__doc__, flags=re.MULTILINE)


# When an assertion fails, pytest prints the values in it: those below hold counts, never rows.


@pytest.mark.parametrize("name", NAMES)
def test_the_real_set_is_as_its_entry_says(name, real_folder):
    benchmark = BENCHMARKS[name]
    bunch = load_benchmark(name)
    columns = tuple(bunch.frame.columns)
    n_rows, n_targets = len(bunch.data), len(bunch.target)
    n_missing_targets = int(bunch.frame[benchmark.target].isna().sum())
    n_not_text = sum(not isinstance(x, str) for x in bunch.data) if benchmark.text else 0
    assert columns == benchmark.columns
    assert n_rows == n_targets == benchmark.n_rows
    assert n_missing_targets == 0
    assert n_not_text == 0


def test_the_real_toxic_set_has_the_natural_sample(real_folder):
    toxic = load_benchmark("toxic")
    natural, target = toxic.natural, toxic.target
    assert natural.sum() == 7_697
    assert target[natural].mean() == pytest.approx(0.092, abs=0.001)
    assert target[~natural].mean() == pytest.approx(0.515, abs=0.001)


def test_the_real_sets_have_the_flaws_that_their_notes_name(real_folder):
    adult, airbnb, cars = map(load_benchmark, ("adult", "airbnb", "cars"))
    marked = [column for column in adult.data if (adult.data[column] == "?").any()]
    assert marked == ["workclass", "occupation", "native_country"]
    assert airbnb.data["name"].isna().sum() == 16
    assert (airbnb.target == 0).sum() == 11
    assert (cars.data["year"] == 2060).sum() == 1
