"""The service of the example, started for real: several processes, answers over HTTP."""

import asyncio
import json
import os
import re
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pytest
import serving_benchmark
from lightgbm import LGBMClassifier
from numpy.testing import assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skwillump import CascadeClassifier, compile_pipeline
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


def test_a_batch_in_one_request_is_answered_as_predict_does(client, cascade, lines):
    rows = lines[0][7::5000].tolist()
    answer = client.post("/predict_batch", json={"rows": rows}).json()
    assert_array_equal(answer["labels"], cascade.predict(rows))
    assert_array_equal(answer["stages"], cascade.predict_stage(rows))
    np.testing.assert_allclose(answer["probabilities"], cascade.predict_proba(rows), rtol=1e-12)
    for refused in ([], [{"line": "import os"}], ["a", {"line": "b"}], ["a"] * 10_001):
        assert client.post("/predict_batch", json={"rows": refused}).status_code == 422


def test_a_worker_that_answers_is_ready(client):
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


# The service without HTTP -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def app():
    return runpy.run_path(str(ROOT / "examples" / "serving" / "app.py"))


@pytest.mark.parametrize("make", [lambda model: model, compile_pipeline])
def test_the_label_is_the_classifiers_own(app, lines, make):
    X, y = lines
    rows = X[7::5000].tolist()
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
    strict = FixedThresholdClassifier(pipeline, threshold=0.9).fit(X[::100], y[::100])
    service = app["Service"](make(strict))
    labels = [service.one(row)["label"] for row in rows]
    assert_array_equal(labels, strict.predict(rows))
    assert service.many(rows)["labels"] == labels
    assert labels != strict.predict_proba(rows).argmax(axis=1).tolist()


def test_a_classifier_without_probabilities_is_served(app, lines):
    X, y = lines
    rows = X[7::5000].tolist()
    model = make_pipeline(TfidfVectorizer(), LinearSVC()).fit(X[::100], y[::100])
    for served in (model, compile_pipeline(model)):
        service = app["Service"](served)
        answers = [service.one(row) for row in rows]
        assert [answer["label"] for answer in answers] == model.predict(rows).tolist()
        assert {answer["probabilities"] for answer in answers} == {None}


def test_rows_of_a_table_are_mappings(app):
    X = pd.DataFrame({"a": np.arange(60.0), "b": np.arange(60.0)[::-1]})
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X["a"] > 30)
    rows = X[::7].to_dict("records")
    for served in (model, compile_pipeline(model)):
        service = app["Service"](served)
        assert service.many(rows)["labels"] == model.predict(X[::7]).tolist()
        assert [service.one(row)["label"] for row in rows] == model.predict(X[::7]).tolist()


def test_metrics_count_requests_and_rows_by_stage(app, cascade, lines):
    rows = lines[0][7::5000].tolist()
    service = app["Service"](cascade)
    service.many(rows)
    for row in rows[:2]:
        service.one(row)
    sampled = cascade.predict_stage(rows[:1])
    stages = np.bincount([*cascade.predict_stage(rows), *sampled], minlength=2)
    text = service.metrics()
    assert re.search(r'requests_total{worker="\d+",kind="row"} 2\n', text)
    assert re.search(r'requests_total{worker="\d+",kind="batch"} 1\n', text)
    for stage in (0, 1):
        assert re.search(
            rf'stage_rows_total{{worker="\d+",stage="{stage}"}} {stages[stage]}\n', text
        )
        share = f"{cascade.stages_[stage].share:.6g}"
        assert re.search(rf'expected_share{{worker="\d+",stage="{stage}"}} {share}\n', text)


def test_a_service_that_has_not_loaded_or_is_to_end_is_not_ready(
    app, cascade, tmp_path, monkeypatch
):
    path = tmp_path / "cascade.joblib"
    joblib.dump(cascade, path)
    monkeypatch.setenv("SKWILLUMP_MODEL", str(path))
    monkeypatch.setenv("SKWILLUMP_WARM_UP", '"import os"')
    request = SimpleNamespace(app=app["app"])

    async def states():
        def status():
            return app["ready"](request)

        codes = [(await status()).status_code]
        async with app["lifespan"](app["app"]):
            codes.append(await status())
        codes.append((await status()).status_code)
        return codes

    assert asyncio.run(states()) == [503, {"ready": True}, 503]


def test_the_image_compiles_kernels_before_it_gives_up_its_rights():
    lines = (ROOT / "examples" / "serving" / "Containerfile").read_text().splitlines()
    at = {
        line.split()[0] + " " + line.split()[1]: i
        for i, line in enumerate(lines)
        if line[:1].isupper()
    }
    assert at["ENV NUMBA_CACHE_DIR=/kernels"] < at["RUN python"] < at["USER 65534:65534"]
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY") and "$" not in line]
    for paths in copied:
        assert all((ROOT / path).exists() for path in paths)


def test_warming_up_answers_a_row(cascade, tmp_path):
    path = tmp_path / "cascade.joblib"
    joblib.dump(cascade, path)
    script = str(ROOT / "examples" / "serving" / "warm_up.py")
    found = subprocess.run(
        [sys.executable, script, str(path), '"import os"'],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert "'label': 0" in found.stdout


def test_rows_of_all_stages_find_their_kernels_after_warming_up(tmp_path):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(0, 3, 1000), "b": rng.normal(size=1000)})
    y = (X["a"] + np.sin(3 * X["b"]) > 0).astype(int)
    features = make_column_transformer((StandardScaler(), ["a"]), (StandardScaler(), ["b"]))
    model = make_pipeline(features, LGBMClassifier(n_estimators=50, num_leaves=7, verbose=-1))
    cascade = CascadeClassifier(
        model,
        accuracy_target=0.9,
        approx_estimator=LogisticRegression(),
        cv=0.5,
        feature_costs={"standardscaler-1": 1e-6, "standardscaler-2": 1e-2},
        random_state=0,
    ).fit(X, y)
    stages = cascade.predict_stage(X)
    assert set(stages) == {0, 1}
    joblib.dump((cascade, X), tmp_path / "cascade.joblib")
    script = (
        "import json, os, sys, joblib; from pathlib import Path; from app import warm_up\n"
        "cascade, X = joblib.load(sys.argv[1]); rows = X.to_dict('records')\n"
        "def kept(): return sorted(map(str, Path(os.environ['NUMBA_CACHE_DIR']).rglob('*.nbi')))\n"
        "warm_up(cascade, rows[int(sys.argv[2])]); before = kept()\n"
        "cascade.predict(X); [cascade.predict_one(row) for row in rows[:100]]\n"
        "print(json.dumps([len(before), sorted(set(kept()) - set(before))]))\n"
    )
    folders = [str(ROOT / "examples" / "serving"), *filter(None, sys.path)]
    found = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "cascade.joblib", str(np.argmin(stages))],
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(folders), "NUMBA_CACHE_DIR": str(tmp_path / "kernels")},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    n_before, added = json.loads(found.stdout)
    assert n_before > 0
    assert added == []


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
        assert 0 < row["n_requests"] <= 300  # however many there was time for
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["requests_per_second"] > 0
    # On the rows that both answered.
    assert rows[0]["accuracy"] == rows[1]["accuracy"]


def test_data_that_are_missing_are_left_out_and_said_to_be(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("SKWILLUMP_DATA", raising=False)
    out = tmp_path / "out.json"
    serving_benchmark.main(["--quick", "--only", "toxic", "--out", str(out)])
    assert "toxic: left out" in capsys.readouterr().err
    assert json.loads(out.read_text())["rows"] == []
