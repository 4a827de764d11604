"""
Ten look-ups and LightGBM, on synthetic data of the shape of KKBox
==================================================================

Will a user listen to a song again? The Music pipeline of the Willump paper joins tables of users,
songs and artists to each row and asks LightGBM. The KKBox data that it used may not be passed on,
so **everything here is synthetic**: tables of its shape (30,000 users, 360,000 songs, 40,000
artists, a few of which make most of the rows; latent vectors of 32 dimensions; ids as KKBox has
them, texts of 44 characters) and a target drawn from a model. Figures of it show what look-ups
cost; its accuracies mean nothing outside. Only where the folder that SKWILLUMP_DATA names holds the
KKBox files (in ``kkbox``: ``train.csv``, ``songs.csv``, ``members.csv``) are they used instead.
Run it as ::

    python examples/benchmarks/music_benchmark.py [--quick] [--out FILE]

Four ways to answer the same rows, on one thread, in turns, medians:

``reindex``
    What users write today: a transformer that calls pandas' ``frame.reindex(keys)``, ten of them
    in a ColumnTransformer, then LightGBM. This is the plain pipeline that speed-ups are against.
``TableLookup``
    The same pipeline with `TableLookup`, not compiled.
``compiled``
    Its twin by `compile_pipeline`.
``cascade``
    `CascadeClassifier` with ``accuracy_target=0.995``.
"""

from __future__ import annotations

from functools import partial

from _measure import medians_in_turns, parser_of, setting, write
from _music import KEYS, ReindexLookup, music_data, pipeline_of
from threadpoolctl import threadpool_limits

from skwillump import CascadeClassifier, TableLookup, compile_pipeline

TARGET = 0.995


def main(arguments=None) -> dict:
    """Fit, compare and write; returns what was written."""
    parser = parser_of(__doc__, "music_benchmark.json")
    parser.add_argument("--scale", type=float, help="share of all sizes: 1, or 0.1 if quick")
    parser.add_argument("--repeat", type=int, default=7)
    options = parser.parse_args(arguments)
    scale = options.scale or (0.1 if options.quick else 1.0)
    with threadpool_limits(1):
        result = setting(options) | measure(scale, options.repeat)
    if result["data"] == "synthetic":
        print(f"Synthetic data of the shape of KKBox, {scale:g} of its size:")
    else:
        print("KKBox:")
    for row in result["rows"]:
        print(
            f"  {row['name']:12} accuracy {row['accuracy']:.4f}  "
            f"{row['rows_per_second']:>12,.0f} rows/s  {row['speed_up']:6.1f}x"
        )
    write(result, options.out)
    return result


def measure(scale: float, n_repeats: int) -> dict:
    """Return accuracies and speeds of all four forms."""
    n_train, n_test = int(400_000 * scale), int(200_000 * scale)
    X, y, tables, source = music_data(scale, n_train + n_test)
    X_train, y_train, X_test, y_test = X[:n_train], y[:n_train], X[n_train:], y[n_train:]
    X_test = X_test.reset_index(drop=True)
    joined = pipeline_of({name: ReindexLookup(frame) for name, frame in tables.items()})
    lookups = pipeline_of(
        {
            name: TableLookup((frame.index.to_numpy(), frame), on=KEYS[name])
            for name, frame in tables.items()
        }
    )
    joined.fit(X_train, y_train)
    cascade = CascadeClassifier(lookups, accuracy_target=TARGET, cv=0.25, random_state=0)
    cascade.fit(X_train, y_train)
    compiled = compile_pipeline(cascade.estimator_)
    models = {
        "reindex": joined,
        "TableLookup": cascade.estimator_,
        "compiled": compiled,
        "cascade": cascade,
    }
    answers = {name: model.predict(X_test) for name, model in models.items()}
    calls = {name: partial(model.predict, X_test) for name, model in models.items()}
    seconds = medians_in_turns(calls, n_repeats, least_seconds=0)
    return {
        "data": source,
        "scale": scale,
        "n_train": n_train,
        "n_test": n_test,
        "target": TARGET,
        "threads": 1,
        "not_compiled": [f"{s.name}: {s.reason}" for s in compiled.explain() if not s.compiled],
        "labels_different_compiled": int((answers["compiled"] != answers["TableLookup"]).sum()),
        "labels_different_reindex": int((answers["reindex"] != answers["TableLookup"]).sum()),
        "stages": [list(stage.blocks) for stage in cascade.stages_],
        "early_share": float((cascade.predict_stage(X_test) < len(cascade.stages_) - 1).mean()),
        "guarantee": cascade.guarantee_.kind,
        "rows": [
            {
                "name": name,
                "accuracy": float((answers[name] == y_test).mean()),
                "rows_per_second": n_test / seconds[name],
                "speed_up": seconds["reindex"] / seconds[name],
            }
            for name in models
        ],
    }


if __name__ == "__main__":
    main()
