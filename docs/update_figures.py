"""Write the tables of README.rst and of pages of docs/ from docs/results/*.json.

With ``--check`` nothing is written; the exit status says whether the tables are those of the files.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from textwrap import wrap

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "benchmarks"))

from _paper_tables import figure_table, list_table, main_table, setting, sizes_table

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent


def load(name):
    """A file of results."""
    return json.loads((DOCS / "results" / f"{name}.json").read_text(encoding="utf-8"))


def cascade_table(results, *, rule, compiled, targets):
    """Accuracy, early rows and speed of cascades."""
    speeds = ["Rows/s, pipeline", "Rows/s, compiled", "Rows/s, cascade", "Speed-up"]
    if not compiled:
        speeds.remove("Rows/s, compiled")
    head = ["Data", "Target", "Accuracy, pipeline", "Accuracy, cascade", "Answered early", *speeds]
    rows = []
    for row in results["rows"]:
        if row["rule"] != rule or row["compiled"] != compiled or row["target"] not in targets:
            continue
        pipeline, cascade = row["full_rows_per_second"], row["cascade_rows_per_second"]
        speeds = [f"{pipeline:,.0f}", f"{cascade:,.0f}", f"{row['speed_up']:.1f}x"]
        if compiled:
            speeds.insert(1, f"{pipeline * row['compiled_speed_up']:,.0f}")
        rows.append(
            [
                row["data"],
                f"{row['target']:g}",
                f"{row['full_accuracy']:.4f}",
                f"{row['cascade_accuracy']:.4f}",
                f"{row['early_share']:.1%}",
                *speeds,
            ]
        )
    return list_table(head, rows)


def plans_table(results):
    """Speed over the compiled pipeline of what is chosen on a machine as it is and a busier one."""
    head = ["Data", "Fits of", "Processes beside", "Rows in", "With a cascade or filter"]
    head += ["Least speed", "Median speed", "Same choice"]
    rows = []
    for row in results["rows"]:
        n_fits, same = row["n_fits"], row["same_choice"]
        rows.append(
            [
                row["data"],
                f"a {row['kind']}",
                f"{row['n_others']}",
                "a batch" if row["way"] == "batch" else "single rows",
                f"{row['n_planned']} of {n_fits}",
                f"{row['least_speed']:.2f}x",
                f"{row['median_speed']:.2f}x",
                "" if same is None else f"{round(same * n_fits)} of {n_fits}",
            ]
        )
    return list_table(head, rows)


def labels_table(results):
    """Accuracy, kind of guarantee and speed of cascades of several labels a row."""
    head = ["Models that answer", "Guarantee", "Accuracy, pipeline", "Accuracy, cascade"]
    head += ["Answered early", "Batch: compiled", "cascade", "One row: compiled", "cascade"]
    rows = []
    for row in results["rows"]:
        speeds = ("compiled", "cascade", "compiled_one", "cascade_one")
        rows.append(
            [
                f"``{row['way']}``",
                row["kind"],
                f"{row['plain_accuracy']:.4f}",
                f"{row['cascade_accuracy']:.4f}",
                f"{row['early_share']:.1%}",
                *(f"{row[f'{way}_speed_up']:.0f}x" for way in speeds),
            ]
        )
    return list_table(head, rows)


def replayed_table(results):
    """Shares of broken promises, replayed on rows drawn from recorded answers."""
    head = ["Data", "Way", "Kind", "Target", "Draws", "Promise broken", "Mean loss"]
    rows = [
        [
            row["data"],
            row["way"],
            row["kind"],
            f"{row['target']:g}",
            str(row["n_repeats"]),
            f"{row['violations']:.1%}",
            f"{row['mean_loss']:.4f}",
            f"{row['early_share']:.1%}",
        ]
        for row in results["replayed"]
    ]
    return list_table([*head, "Answered early"], rows)


EVIDENCE = {"prefit": "prefit", "refit=False": "held out", "5": "cross-fitted"}
"""What evidence is called, by the way to split."""


def guarantee_table(results):
    """Shares of broken promises."""
    head = ["Data", "Rows", "Splits", "Rule", "Evidence", "Target"]
    head += ["Promise broken", "Mean loss", "Answered early"]
    rows = []
    for row in results["rows"]:
        rows.append(
            [
                row["data"],
                f"{row['n_rows']:,} of {row['n_rows'] + row['n_pool']:,}",
                str(row["n_repeats"]),
                row["rule"],
                EVIDENCE[str(row["cv"])],
                f"{row['target']:g}",
                f"{row['violations']:.0%}",
                f"{row['mean_loss']:.4f}",
                f"{row['early_share']:.1%}",
            ]
        )
    return list_table(head, rows)


def serving_table(results):
    """Latency and throughput of a service."""
    head = ["Data", "What answers", "p50, ms", "p50 of runs, ms", "p99, ms", "Requests/s"]
    head += ["Accuracy", "Answered early"]
    rows = []
    for row in results["rows"]:
        rows.append(
            [
                row["data"],
                row["form"],
                f"{row['p50_ms']:.2f}",
                f"{min(row['p50_ms_of_runs']):.2f} to {max(row['p50_ms_of_runs']):.2f}",
                f"{row['p99_ms']:.2f}",
                f"{row['requests_per_second']:,.0f}",
                "" if row["accuracy"] is None else f"{row['accuracy']:.4f}",
                f"{row['early_share']:.1%}" if row["form"] == "cascade" else "",
            ]
        )
    return list_table(head, rows)


def topk_table(results):
    """The K best: how deep rankers search, precision and speed."""
    head = ["Data", "K", "N", "Shown", "Full scores of", "Possible", "Precision", "Over plain"]
    head += ["Over compiled", "Possible", "Of its saving"]
    rows = [
        [
            row["data"],
            f"{row['k']:,}",
            f"{row['n_query']:,}",
            row["kind"],
            f"{row['share']:.1%}",
            f"{row['possible_share']:.1%}",
            f"{row['precision']:.3f}",
            f"{row['speed_up']:.1f}x",
            f"{row['speed_up_over_compiled']:.2f}x",
            f"{row['possible_over_compiled']:.2f}x",
            "" if row["of_possible_saving"] is None else f"{row['of_possible_saving']:.0%}",
        ]
        for row in results["rows"]
    ]
    return list_table(head, rows)


def coverage_table(results):
    """How often rankers miss their target, by what they promise."""
    head = ["Scores", "K", "Rows", "Shown", "Of plans", "Below target", "Mean precision"]
    head += ["Full scores of"]
    rows = [
        [
            row["data"],
            f"{row['k']:,}",
            f"{row['n_rows']:,}",
            row["kind"],
            f"{row['n_plans']}",
            "" if row["kind"] == "exact" else f"{row['below_target']:.0%}",
            f"{row['mean_precision']:.3f}",
            f"{row['share']:.1%}",
        ]
        for row in results["rows"]
    ]
    return list_table(head, rows)


def sampling_table(results):
    """What queries show by rows that are drawn evenly, or by what is expected of them."""
    head = ["Scores", "Rows are drawn", "Rows scored", "Shown", "Bound is true"]
    ways = {"even": "evenly", "graded": "by what is expected"}
    shares = ("scored", "shown", "bound_is_true")
    rows = [
        [row["world"], ways[row["way"]], *(f"{row[share]:.1%}" for share in shares)]
        for row in results["rows"]
    ]
    return list_table(head, rows)


def query_evidence_table(results):
    """What is shown of single queries, and its truth."""
    head = [
        "Scores",
        "K",
        "N",
        "Queries",
        "Found by the search",
        "Found in the end",
        "Shown",
        "True",
    ]
    head += ["Target met", "Full scores before", "In the end"]
    rows = [
        [
            row["data"],
            f"{row['k']:,}",
            f"{row['n_query']:,}",
            f"{row['n_queries']}",
            f"{row['precision_before']:.3f}",
            f"{row['precision']:.3f}",
            f"{row['shown']:.3f}",
            f"{row['is_true']:.1%}",
            f"{row['is_met']:.0%}",
            f"{row['share_before']:.1%}",
            f"{row['share']:.1%}",
        ]
        for row in results["evidence"]
    ]
    return list_table(head, rows)


def music_table(results):
    """Look-ups: accuracy and speed of four forms."""
    rows = [
        [
            row["name"],
            f"{row['accuracy']:.4f}",
            f"{row['rows_per_second']:,.0f}",
            f"{row['speed_up']:.1f}x",
        ]
        for row in results["rows"]
    ]
    head = ["What answers", "Accuracy", "Rows/s", "Speed-up"]
    source = "KKBox" if results["data"] == "real" else "Synthetic data"
    return (
        f"{source}: {results['n_train']:,} rows to train on, {results['n_test']:,} to "
        f"test. A target of {results['target']:g},\n"
        f"{results['guarantee']}; {results['early_share']:.1%} of the rows are answered early.\n\n"
        + list_table(head, rows)
    )


def _microseconds(row, name):
    return f"{row[f'{name}_p50_us']:,.1f} / {row[f'{name}_p99_us']:,.1f}"


def tabular_tables(results):
    """Pipelines over tables: one row, batches, memory."""
    one = list_table(
        ["Pipeline", "Plain, p50 / p99, us", "predict_one, p50 / p99, us", "p50, times lower"],
        [
            [
                row["pipeline"],
                _microseconds(row, "plain"),
                _microseconds(row, "predict_one"),
                f"{row['speedup_p50']:,.0f}x",
            ]
            for row in results["one_row"]
        ],
    )
    batch = list_table(
        [
            "Pipeline",
            "Rows",
            "Labels that differ",
            "Largest difference",
            "Rows/s, plain",
            "Rows/s, compiled",
            "Speed-up",
            "Of LightGBM alone",
        ],
        [
            [
                row["pipeline"],
                f"{row['n_rows']:,}",
                str(row.get("labels_different", "")),
                f"{row['largest_difference']:.1g}",
                f"{row['plain_rows_s']:,.0f}",
                f"{row['compiled_rows_s']:,.0f}",
                f"{row['speedup']:.1f}x",
                f"{row['speedup_of_model']:.1f}x" if "speedup_of_model" in row else "",
            ]
            for row in results["batch"]
        ],
    )
    memory = list_table(
        ["Pipeline", "Rows", "Plain, MB", "Compiled, MB"],
        [
            [
                row["pipeline"],
                f"{row['n_rows']:,}",
                f"{row['plain_extra_mb']:,.0f}",
                f"{row['compiled_extra_mb']:,.0f}",
            ]
            for row in results["memory"]
        ],
    )
    return {"tabular-one": one, "tabular-batch": batch, "tabular-memory": memory}


def text_tables(results):
    """Pipelines over texts: features, whole pipelines, one row, the rest."""
    features = list_table(
        ["Data", "Features", "Terms", "MB/s, plain", "MB/s, compiled", "Speed-up"],
        [
            [
                row["set"],
                row["features"],
                f"{row['n_terms']:,}",
                f"{row['plain_mb_s']:.2f}",
                f"{row['compiled_mb_s']:.1f}",
                f"{row['speedup']:.0f}x",
            ]
            for row in results["features"]
        ],
    )
    whole = list_table(
        ["Data", "Rows", "Labels that differ", "Rows/s, plain", "Rows/s, compiled", "Speed-up"],
        [
            [
                row["set"],
                f"{row['n_rows']:,}",
                f"{row['labels_different']} of {row['labels_compared']:,}",
                f"{row['plain_rows_s']:,.0f}",
                f"{row['compiled_rows_s']:,.0f}",
                f"{row['speedup']:.0f}x",
            ]
            for row in results["end_to_end"]
        ],
    )
    one = list_table(
        ["Data", "Plain, p50 / p99, us", "predict_one, p50 / p99, us", "p50, times lower"],
        [
            [
                row["set"],
                _microseconds(row, "plain"),
                _microseconds(row, "predict_one"),
                f"{row['speedup_p50']:,.0f}x",
            ]
            for row in results["one_row"]
        ],
    )
    threads, memory, cold = results["threads"], results["memory"], results["cold_start"]
    rest = (
        f"Two threads answer {threads['n_rows']:,} rows {threads['speedup']:.2f} times as fast as "
        f"one. Predicting {memory['n_rows']:,} titles takes\n{memory['compiled_extra_mb']:,.0f} MB "
        f"beside the input; the plain pipeline takes {memory['plain_extra_mb']:,.0f} MB. "
        f"A new process with compiled\nkernels on its disk imports skwillump in "
        f"{cold['import_seconds']:.2f} s beyond its dependencies, and from unpickling to the\n"
        f"first answer takes {cold['unpickle_seconds'] + cold['first_answer_seconds']:.2f} s."
    )
    return {"text-features": features, "text-whole": whole, "text-one": one, "text-rest": rest}


def fit_tables(results):
    """What `fit` of vectorizers, cascades, rankers and searches takes."""
    ratios = ("cv=0.25", "cv=5")
    searches = ("one_target", "without_memory", "with_memory")

    def over_plain(part, ways):
        return [
            [
                row["set"],
                f"{row['n_rows']:,}",
                f"{row['plain_seconds']:.2f}",
                *(f"{row[f'{way}_over_plain']:.1f}x" for way in ways),
            ]
            for row in results[part]
        ]

    head = ["Pipeline", "Rows", "Plain fit, s"]
    of_fits = [*head, *(f"``{ratio}``" for ratio in ratios)]
    of_searches = [*head, "One target", "Four targets", "Four, with ``memory``"]
    memory = [
        [
            row["set"],
            f"{row['plain_extra_mb']:,.0f}",
            f"{row['kernels_extra_mb']:,.0f}",
            f"{row['kernels_over_plain']:.2f}x",
        ]
        for row in results["memory"]
        if row["features"] == "cascade"
    ]
    vectorizers = [
        [
            row["set"],
            {"word": "words", "char(2,6)": "characters (2, 6)"}[row["features"]],
            f"{row['n_rows']:,}",
            f"{row['plain_seconds']:.2f}",
            f"{row['speedup']:.1f}x",
        ]
        for row in results["vectorizers"]
    ]
    of_vectorizers = ["Texts", "TF-IDF of", "Rows", "scikit-learn, s", "By kernels"]
    return {
        "fit-vectorizers": list_table(of_vectorizers, vectorizers),
        "fit-cascades": list_table(of_fits, over_plain("cascades", ratios)),
        "fit-rankers": list_table(of_fits, over_plain("rankers", ratios)),
        "fit-searches": list_table(of_searches, over_plain("searches", searches)),
        "fit-memory": list_table(["Pipeline", "Plain, MB", "Cascade, MB", "Ratio"], memory),
    }


def versions(results):
    """What the figures were made with."""
    found = results["versions"]
    return f"Python {found['python']}, scikit-learn {found['scikit-learn']}"


def engines_text(results):
    """What Dask and Spark answer of many rows, and what travels."""
    rows = results["rows"]
    if not all(row["labels_equal"] and row["positions_equal"] for row in rows):
        raise ValueError("an engine does not answer as one process does")
    received = {
        row["partitions"]: row["rank_bytes_received"] / 1e3
        for row in rows
        if row["engine"] == "Dask"
    }
    first, packages = rows[0], results["versions"]
    row, cascade, ranker = (
        f"{first[name] / 1e6:.{digits}f} MB"
        for name, digits in (("row_bytes", 0), ("cascade_bytes", 1), ("ranker_bytes", 1))
    )
    text = (
        f"Of {first['n_rows']:,} rows ({row}) in eight partitions, even ones and uneven ones of "
        "which one is empty, Dask and Spark give the labels and the 100 best rows of one process "
        f"(Dask {packages['dask']}, PySpark {packages['pyspark']}). A worker is sent the cascade "
        f"({cascade}) or the ranker ({ranker}) once. Of a ranking {received['even']:.0f} KB come "
        f"back with Dask ({received['uneven']:.0f} KB from uneven partitions)."
    )
    return "\n".join(wrap(text, 110))


GAINS = {
    "product": "Titles of products in ten classes, by words and characters",
    "adult": "A table of people's incomes, encoded for a logistic regression",
}
"""Pipelines of the benchmark that the README begins with, and what they are."""


def gain_text(paper):
    """What is gained, as a list: in batches and of one row."""
    rows = {(row["figure"], row["pipeline"], row["way"]): row for row in paper["rows"]}
    lines = []
    for pipeline, what in GAINS.items():
        plain, compiled, cascade = (
            rows[6, pipeline, way] for way in ("scikit-learn", "compiled", "cascade")
        )
        one, plain_one = (rows[7, pipeline, way] for way in ("compiled", "scikit-learn"))
        scores = sorted({f"{row['score']:.3f}" for row in (plain, cascade)})
        text = (
            f"- {what}: the same answers {compiled['speed_up']:.0f} times as fast in batches, and "
            f"{cascade['speed_up']:.0f} times as a cascade (accuracy {' for '.join(scores)}); one "
            f"row with the same answer in {one['p50_us']:.0f} us, where scikit-learn takes "
            f"{plain_one['p50_us']:,.0f} us."
        )
        lines += wrap(text, 100, subsequent_indent="  ")
    return "\n".join(lines)


def regions():
    """Text by file and by name of the region in it."""
    cascades, guarantees = load("cascade_study"), load("guarantee_study")
    serving, paper = load("serving"), load("paper_benchmarks")
    repeats = guarantees["rows"][0]["n_repeats"]
    draws = max(row["n_repeats"] for row in guarantees["replayed"])
    targets = {0.99, 0.995, 0.999}

    def table(rule, compiled, targets):
        return cascade_table(cascades, rule=rule, compiled=compiled, targets=targets)

    return {
        ROOT / "README.rst": {
            "gain": gain_text(paper),
            "figures": main_table(paper) + "\n\n" + setting(paper),
        },
        DOCS / "benchmarks.rst": {"figures": setting(paper)},
        DOCS / "benchmarks_paper.rst": {
            "paper-sizes": sizes_table(paper),
            **{f"paper-figure{figure}": figure_table(paper, figure) for figure in (6, 7, 8)},
        },
        DOCS / "benchmarks_cascades.rst": {
            "certified": table("cross-fitted", False, targets),
            "willump": table("Willump", False, targets),
            "compiled": table("cross-fitted", True, targets),
            "compiled-willump": table("Willump", True, targets),
            "labels": labels_table(load("labels_study")),
            "plans": plans_table(load("plans_study")),
        },
        DOCS / "benchmarks_guarantees.rst": {
            "replayed": f"{versions(guarantees)}. With {draws} draws the standard error of a\n"
            f"share of 5 % is {(0.05 * 0.95 / draws) ** 0.5:.1%}.\n\n" + replayed_table(guarantees),
            "guarantee": f"With {repeats} splits the standard error of a share of 5 % is\n"
            f"{(0.05 * 0.95 / repeats) ** 0.5:.1%}.\n\n" + guarantee_table(guarantees),
        },
        DOCS / "benchmarks_topk.rst": {
            "topk": topk_table(load("topk_study")),
            "topk-coverage": f"{load('topk_coverage')['rows'][0]['n_repeats']} samples of each "
            f"({versions(load('topk_coverage'))}).\n\n" + coverage_table(load("topk_coverage")),
            "topk-evidence": query_evidence_table(load("topk_coverage")),
            "sampling": sampling_table(load("sampling_study")),
        },
        DOCS / "benchmarks_compiled.rst": {
            "music": music_table(load("music_benchmark")),
            **text_tables(load("text_benchmark")),
            **tabular_tables(load("tabular_benchmark")),
        },
        DOCS / "benchmarks_fit.rst": fit_tables(load("fit_benchmark")),
        DOCS / "distributed.rst": {"engines": engines_text(load("engines_benchmark"))},
        DOCS / "serving.rst": {
            "serving": f"{serving['workers']} workers, {serving['clients']} clients, medians of "
            f"{serving['repeats']} runs in turns, "
            f"{serving['machine']['cpus']} cores for both; "
            f"a target of {serving['rows'][0]['target']:g}\n"
            f"({versions(serving)}, FastAPI {serving['versions']['fastapi']}, "
            f"uvicorn {serving['versions']['uvicorn']})."
            "\n\n" + serving_table(serving)
        },
    }


def replaced(text, name, new):
    """The text with the lines between two comments replaced."""
    pattern = rf"(?<=^\.\. {name}-begin\n)(.*?)(?=^\.\. {name}-end$)"
    text, n_found = re.subn(pattern, f"\n{new}\n\n", text, flags=re.MULTILINE | re.DOTALL)
    if n_found != 1:
        raise ValueError(f"expected one region {name!r}, found {n_found}")
    return text


def main(arguments=None):
    """Write, or check, all regions; 0 if nothing had to change."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    changed = []
    for path, parts in regions().items():
        before = after = path.read_text(encoding="utf-8")
        for name, new in parts.items():
            after = replaced(after, name, new.replace("\\", "\\\\"))
        if after != before:
            changed.append(path)
            if not options.check:
                path.write_text(after, encoding="utf-8")
    for path in changed:
        print(f"{path.relative_to(ROOT)}: {'is out of date' if options.check else 'written'}")
    return int(options.check and bool(changed))


if __name__ == "__main__":
    sys.exit(main())
