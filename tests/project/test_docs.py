"""What the documentation generates is what the package does."""

import ast
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest
from sklearn.experimental import enable_iterative_imputer  # noqa: F401

import skwillump
import skwillump.dask
import skwillump.datasets
import skwillump.spark
from skwillump.compilers import REGISTRY, registered_types

MODELS = [kind for kind in REGISTRY.types() if kind not in registered_types()]

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path[:0] = [str(DOCS), str(DOCS / "_ext")]
pytest.importorskip("sphinx")

import api_reference  # noqa: E402
import figures  # noqa: E402
import fitted_examples  # noqa: E402
import rows_needed  # noqa: E402
import scikit_learn  # noqa: E402
import supported  # noqa: E402
import update_figures  # noqa: E402

EXAMPLES = sorted(
    path
    for folder in ("examples", "examples/benchmarks")
    for path in (DOCS.parent / folder).glob("[!_]*.py")
)


def name_of(kind):
    return kind.__name__


@pytest.mark.parametrize(
    "kind",
    [*registered_types(), *MODELS],
    ids=name_of,
)
def test_each_class_of_the_tables_is_compiled(kind):
    estimator = fitted_examples.make(kind)
    assert supported.why_not_compiled(estimator, fitted_examples.data_of(estimator)) == ""


@pytest.mark.parametrize(
    ("kind", "option", "params", "X"),
    [
        pytest.param(kind, *limit, id=f"{kind.__name__}, {limit[0]}")
        for kind, limits in fitted_examples.FALLBACKS.items()
        for limit in limits
    ],
)
def test_each_option_that_is_said_to_fall_back_does(kind, option, params, X):
    assert supported.why_not_compiled(kind(**params), X) != ""


def test_the_tables_name_every_registered_class_once_and_no_other():
    for kinds in (registered_types(), *supported.families().values()):
        text = "\n".join(supported.table(kinds))
        for name, times in Counter(kind.__name__ for kind in kinds).items():
            assert len(re.findall(rf"(?<![\w]){name}(?= <|`)", text)) == times
    known = {*registered_types(), *MODELS}
    models = {kind for family in supported.families().values() for kind in family}
    assert models - set(registered_types()) == set(MODELS)
    assert set(fitted_examples.FALLBACKS) <= known
    assert set(fitted_examples.EXAMPLES) <= known
    assert set(REGISTRY.types(are_linear=True)) <= known


def test_the_names_that_are_linked_are_those_that_users_import():
    for kind in (*registered_types(), *MODELS):
        package, _, name = supported.public_name(kind).rpartition(".")
        assert getattr(sys.modules[package], name) is kind


@pytest.mark.parametrize(
    ("reference", "page"),
    [
        ("Pipeline", "sklearn.pipeline.Pipeline.html"),
        ("sklearn.pipeline.Pipeline", "sklearn.pipeline.Pipeline.html"),
        ("sklearn.base.clone", "sklearn.base.clone.html"),
        (
            "sklearn.pipeline.Pipeline.fit",
            "sklearn.pipeline.Pipeline.html#sklearn.pipeline.Pipeline.fit",
        ),
        ("sklearn.pipeline.Pipeline.fits", None),
        ("sklearn.pipeline.Pipe", None),
        ("sklearn.pipeline", None),
        ("sklearn.pipes.Pipeline", None),
        ("skwillump.CascadeClassifier", None),
    ],
)
def test_a_reference_to_scikit_learn_leads_to_its_page_if_there_is_one(reference, page):
    assert scikit_learn.page_of(reference) == (page and scikit_learn.PAGES + page)


def test_the_reference_lists_exactly_what_is_public():
    listed = re.findall(r"^   (\w+)$", api_reference.api_page(), flags=re.MULTILINE)
    public = [
        *skwillump.__all__,
        *skwillump.dask.__all__,
        *skwillump.spark.__all__,
        *skwillump.datasets.__all__,
    ]
    assert sorted(listed) == sorted(public)


def test_the_rows_that_are_said_to_be_needed_are_those_of_the_test():
    # 0.99 ** 299 is the first power below 0.05; 60 % of the rows certify, 90 % of them right.
    assert 0.99**299 <= 0.05 < 0.99**298
    assert rows_needed.rows_needed(0.99, 0.0, 'cv="prefit"') == 554
    for way in rows_needed.WAYS:
        grid = [[rows_needed.rows_needed(t, u, way) for u in (0, 0.25, 0.5)] for t in (0.9, 0.99)]
        assert all(few < more < most for few, more, most in grid)
        assert all(low < high for low, high in zip(*grid, strict=True))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_begins_with_a_title_for_the_gallery(path):
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    title, line, *_ = text.splitlines()
    assert len(title) == len(line)
    assert set(line) == {"="}


def test_each_page_is_in_a_table_of_contents():
    named = set()
    for page in DOCS.glob("*.rst"):
        text = page.read_text(encoding="utf-8")
        for block in re.findall(r"\.\. toctree::\n((?:(?:   .*)?\n)+)", text):
            entries = [line.strip() for line in block.splitlines() if line.strip()]
            for entry in entries:
                entry = re.sub(r".*<(.*)>", r"\1", entry)
                if not entry.startswith(":"):
                    named |= {found.stem for found in DOCS.glob(f"{entry}.rst")}
    pages = {page.stem for page in DOCS.glob("*.rst")}
    assert pages - {"index", "api", "sg_execution_times"} <= named


def test_the_tables_are_those_of_the_results(capsys):
    assert update_figures.main(["--check"]) == 0, capsys.readouterr().out


def test_the_figures_of_the_architecture_name_what_exists():
    assert all(names[0] in figures.KNOWS for names in figures.layers())
    package = DOCS.parent / "skwillump"
    for name, stops in figures.JOURNEYS.items():
        for stop in stops:
            assert (package / stop.module).is_file(), stop.module
        assert ElementTree.fromstring(figures.journey_svg(name)).tag == "svg"
    assert ElementTree.fromstring(figures.layers_svg()).tag == "svg"


def test_the_page_of_the_architecture_names_files_and_records_that_exist():
    text = (DOCS / "architecture.rst").read_text(encoding="utf-8")
    package = DOCS.parent / "skwillump"
    for path in re.findall(r"``((?:tests|examples|\w+)/[\w/.]+\.py)``", text):
        assert any((root / path).is_file() for root in (DOCS.parent, package)), path
    files = [*package.rglob("*.py"), *(DOCS.parent / "tests").glob("*.py")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for name in set(re.findall(r"``([A-Z]\w+)(?:\.\w+)?``", text)):
        assert re.search(rf"\b{name}\b", source), name
