"""The studies' short settings, and the tables made from their results."""

import json
import os
from importlib import import_module

import pytest


def run(study, *arguments):
    """Run the `main` of a study with arguments."""
    return import_module(study).main(list(arguments))


def test_the_study_of_cascades_runs(tmp_path):
    out = tmp_path / "out.json"
    run("cascade_study", "--quick", "--only", "stdlib lines", "--out", str(out))
    rows = json.loads(out.read_text())["rows"]
    assert [(row["compiled"], row["target"], row["rule"]) for row in rows] == [
        (compiled, target, rule)
        for compiled in (False, True)
        for target in (0.99, 0.995, 0.999)
        for rule in ("cross-fitted", "Willump")
    ]
    for row in rows:
        assert row["speed_up"] > 0
        assert 0.5 < row["cascade_accuracy"] <= 1
        assert row["kind"] in ("certified", "cross-fitted", "plug-in", "exact")


def test_the_study_of_guarantees_runs(tmp_path):
    out = tmp_path / "out.json"
    worlds = ["a small group", "rare classes", "weighted"]
    run("guarantee_study", "--quick", "--parts", "replayed", "--only", *worlds, "--out", str(out))
    run(
        "guarantee_study",
        *("--quick", "--parts", "rows", "--repeats", "2"),
        *("--only", "a small group", "--out", str(out)),
    )
    found = json.loads(out.read_text())
    replayed = {(row["data"], row["way"], row["target"]): row for row in found["replayed"]}
    assert {way for _, way, _ in replayed} == {
        *("held out", "plug-in", "certify", "certify, no labels"),
        *("recall of each class", "certify, recall of each class"),
    }
    certified = [row for row in found["replayed"] if row["kind"] == "certified"]
    # At a confidence of 0.95 more than four broken promises in 20 would be a chance of 0.3 %.
    assert max(row["violations"] for row in certified) <= 0.2
    assert max(row["early_share"] for row in certified) > 0.3
    # What the worlds are made to break is broken by the rule that takes what it sees for the truth.
    assert replayed["a small group", "plug-in", 0.97]["violations"] == 1
    fits = {(row["cv"], row["rule"]) for row in found["rows"]}
    assert fits == {("prefit", "certified"), ("refit=False", "certified"), (5, "cross-fitted")}


def test_the_study_of_the_k_best_runs(tmp_path):
    out = tmp_path / "out.json"
    run("topk_study", "--quick", "--only", "stdlib lines", "--out", str(out))
    rows = json.loads(out.read_text())["rows"]
    assert [(row["n_query"], row["k"]) for row in rows] == [(1500, k) for k in (10, 100, 1000)]
    for row in rows:
        assert row["speed_up"] > 0
        assert row["precision"] == 1 or row["kind"] != "exact"
        assert 0.8 < row["precision"] <= 1


def test_the_study_of_the_promise_runs(tmp_path):
    out = tmp_path / "out.json"
    run("topk_coverage", "--quick", "--only", "stdlib lines", "usual", "drifted", "--out", str(out))
    found = json.loads(out.read_text())
    rows = [row for row in found["rows"] if row["data"] == "usual"]
    plans = {(row["k"], row["n_rows"]): 0 for row in rows}
    for row in rows:
        plans[row["k"], row["n_rows"]] += row["n_plans"]
        # At a confidence of 0.95 three broken promises in five would be a chance of 0.1 %.
        assert row["below_target"] * row["n_plans"] < 3
    assert plans == {(k, n_rows): 5 for k in (10, 100) for n_rows in (2000, 10_000)}
    # Of drifted queries nothing is promised, and the world does break what is planned.
    drifted = [row for row in found["rows"] if row["data"] == "drifted"]
    assert max(row["mean_precision"] for row in drifted if row["kind"] != "exact") < 0.95
    assert all(row["is_true"] >= 0.7 for row in found["evidence"])


def test_a_study_of_one_set_keeps_what_its_file_holds_of_others(tmp_path):
    out, other = tmp_path / "out.json", {"data": "clickbait", "k": 10}
    known = {"rows": [other, {"data": "usual", "k": 0}], "evidence": [other]}
    out.write_text(json.dumps(known))
    run("topk_coverage", "--quick", "--repeats", "1", "--only", "usual", "--out", str(out))
    found = json.loads(out.read_text())
    assert found["evidence"] == [other]
    assert found["rows"][0] == other
    assert {row["k"] for row in found["rows"][1:]} == {10, 100}


def test_the_study_of_which_rows_to_draw_runs(tmp_path):
    out = tmp_path / "out.json"
    run("sampling_study", "--quick", "--out", str(out))
    rows = json.loads(out.read_text())["rows"]
    assert {row["way"] for row in rows} == {"even", "graded"}
    assert len({row["world"] for row in rows}) == 4
    for row in rows:
        if row["scored"] is not None:
            assert 0 < row["scored"] <= 1
            # At a confidence of 0.95, 7 wrong bounds of 40 would be a chance of 0.3 %.
            assert row["bound_is_true"] * row["n_queries"] > 33


def test_the_study_of_several_labels_runs(tmp_path):
    if not os.environ.get("SKWILLUMP_DATA"):
        pytest.skip("the comments are not here")
    out = tmp_path / "out.json"
    run("labels_study", "--quick", "--out", str(out))
    rows = json.loads(out.read_text())["rows"]
    assert [row["way"] for row in rows] == ["refit=True", "refit=False"]
    for row in rows:
        assert row["equal_where_late"]
        assert row["compiled_accuracy"] == row["plain_accuracy"]
        assert row["kind"] in ("certified", "cross-fitted", "exact")


@pytest.mark.parametrize("name", ["cascade_study", "guarantee_study", "topk_study"])
def test_a_set_that_is_missing_is_left_out_and_said_to_be(name, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("SKWILLUMP_DATA", raising=False)
    out = tmp_path / "out.json"
    missing = "toxic"
    run(name, "--only", missing, "--out", str(out))
    assert f"{missing}: left out" in capsys.readouterr().err
    found = json.loads(out.read_text())
    assert found["rows"] == found.get("replayed", []) == []


def test_the_study_of_plans_counts_choices_and_speeds(tmp_path, monkeypatch):
    # Two fits, and a clock that moves by one with each reading: no figure depends on the machine.
    study = import_module("plans_study")
    now = iter(range(10**9))
    monkeypatch.setattr(study, "process_time", lambda: float(next(now)))
    out = tmp_path / "out.json"
    run("plans_study", "--quick", "--only", "many blocks", "--out", str(out))
    rows = json.loads(out.read_text())["rows"]
    assert [(row["kind"], row["busy"], row["way"]) for row in rows] == [
        (kind, busy, way)
        for kind, ways in (("cascade", ("batch", "one row")), ("ranker", ("batch",)))
        for busy in (False, True)
        for way in ways
    ]
    for row in rows:
        assert row["least_speed"] == row["median_speed"] == row["as_fast"] == 1
        assert row["n_fits"] == 2 >= row["n_planned"]


def test_choices_are_compared_fit_by_fit():
    study = import_module("plans_study")
    assert study.same_share({False: [["a"], ["b"]], True: [["a"], ["c"]]}) == 0.5


def test_what_the_plain_pipeline_fits_a_cascade_or_ranker_fits():
    names = ("LogisticRegression", "RandomForest", "GaussianNB", "KNeighbors", "SelfTraining")
    rows = run("estimators_fit", "--quick", "--only", *names)
    assert [row for row in rows if row["outcome"] == "failed"] == []
    assert sum(row["outcome"].startswith("fits") for row in rows) >= 2 * len(names)


def test_the_benchmark_of_fit_runs(tmp_path):
    out = tmp_path / "out.json"
    run("fit_benchmark", "--quick", "--only", "searches", "--out", str(out))
    (row,) = json.loads(out.read_text())["searches"]
    assert row["with_memory_over_plain"] > 0


@pytest.mark.filterwarnings("ignore::UserWarning")  # of Dask, about large graphs
def test_the_benchmark_of_engines_runs(tmp_path):
    pytest.importorskip("distributed")
    out = tmp_path / "out.json"
    run("engines_benchmark", "--quick", "--only", "one process", "Dask", "--out", str(out))
    rows = json.loads(out.read_text())["rows"]
    assert [(row["engine"], row["partitions"]) for row in rows] == [
        (engine, partitions)
        for engine in ("one process", "Dask")
        for partitions in ("even", "uneven")
    ]
    assert all(row["labels_equal"] and row["positions_equal"] for row in rows)
    # Numbers of candidates travel, not rows.
    assert all(row["rank_bytes_received"] < row["row_bytes"] / 2 for row in rows[2:])


@pytest.mark.quick
def test_a_short_run_leaves_the_results_of_the_docs_alone(tmp_path):
    measure = import_module("_measure")
    parser = measure.parser_of("A study.", "study.json")
    assert parser.parse_args([]).out == measure.RESULTS / "study.json"
    assert parser.parse_args(["--quick"]).out == measure.RESULTS / "quick" / "study.json"
    chosen = ["--quick", "--out", str(tmp_path / "a.json")]
    assert parser.parse_args(chosen).out == tmp_path / "a.json"
