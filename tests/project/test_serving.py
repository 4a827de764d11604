"""The service of the example, started for real: several processes, answers over HTTP."""

import json
import runpy
import socket
from pathlib import Path

import numpy as np
import pytest
import serving_benchmark
from numpy.testing import assert_array_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

from skwillump import CascadeClassifier
from skwillump.datasets import load_stdlib_lines

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
httpx = pytest.importorskip("httpx")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lines():
    return load_stdlib_lines(return_X_y=True)


@pytest.fixture(scope="module")
def cascade(lines):
    X, y = lines
    words, characters = TfidfVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 3))
    return CascadeClassifier(
        make_pipeline(make_union(words, characters), LogisticRegression()),
        accuracy_target=0.95,
        cv=0.5,
        feature_costs={"tfidfvectorizer-1": 1e-6, "tfidfvectorizer-2": 1e-4},
        random_state=0,
    ).fit(X[::100], y[::100])


@pytest.fixture(scope="module")
def url(cascade, tmp_path_factory):
    """A service of two workers, each of which has answered."""
    with serving_benchmark.service(
        cascade, "import os", 2, tmp_path_factory.mktemp("model")
    ) as address:
        yield address


@pytest.fixture
def client(url):
    with httpx.Client(base_url=url, timeout=30) as client:
        yield client


def test_each_answer_is_the_cascades(client, cascade, lines):
    assert len(cascade.stages_) == 2
    rows = lines[0][7::5000].tolist()
    expected = cascade.predict_proba(rows)
    assert set(cascade.predict_stage(rows)) == {0, 1}
    answers = [client.post("/predict", json={"row": row}).json() for row in rows]
    probabilities = np.array([answer["probabilities"] for answer in answers])
    np.testing.assert_allclose(probabilities, expected, rtol=1e-12)
    assert_array_equal([answer["label"] for answer in answers], cascade.predict(rows))
    assert client.get("/health").json()["classes"] == cascade.classes_.tolist()


@pytest.mark.parametrize("row", [{"line": "import os"}, [1.0, 2.0], None])
def test_a_row_of_the_wrong_form_is_the_clients_error(client, row):
    answer = client.post("/predict", json={"row": row})
    assert answer.status_code == 422
    assert answer.json()["detail"]
    # And the worker goes on.
    assert client.post("/predict", json={"row": "import os"}).status_code == 200


def test_accepted_connections_do_not_hold_small_packets_back():
    serve = runpy.run_path(str(ROOT / "examples" / "serving" / "serve.py"))
    with serve["listening_socket"]("127.0.0.1", 0) as listening:
        listening.listen()
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_benchmark_compares_forms_on_the_same_rows(tmp_path):
    out = tmp_path / "out.json"
    few = ["--quick", "--only", "stdlib lines", "--workers", "1", "--clients", "2"]
    serving_benchmark.main([*few, "--forms", "pipeline", "compiled", "--out", str(out)])
    rows = json.loads(out.read_text())["rows"]
    assert [row["form"] for row in rows] == ["pipeline", "compiled"]
    for row in rows:
        assert 0 < row["n_requests"] <= 300
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["requests_per_second"] > 0
    assert rows[0]["accuracy"] == rows[1]["accuracy"] > 0.5


def test_data_that_are_missing_are_left_out_and_said_to_be(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("SKWILLUMP_DATA", raising=False)
    out = tmp_path / "out.json"
    serving_benchmark.main(["--quick", "--only", "toxic", "--out", str(out)])
    assert "toxic: left out" in capsys.readouterr().err
    assert json.loads(out.read_text())["rows"] == []
