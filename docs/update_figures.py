"""Write the tables of README.rst and of pages of docs/ from docs/results/*.json.

With ``--check`` nothing is written; the exit status says whether the tables are those of the files.
"""

import argparse
import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples"))

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


def guarantee_table(results):
    """Shares of broken promises."""
    head = ["Data", "Rows", "Rule", "Evidence", "Target"]
    head += ["Promise broken", "Mean loss", "Answered early"]
    rows = []
    for row in results["rows"]:
        rows.append(
            [
                row["data"],
                f"{row['n_rows']:,} of {row['n_rows'] + row['n_pool']:,}",
                row["rule"],
                "held out" if row["cv"] == "prefit" else "cross-fitted",
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


def versions(results):
    """What the figures were made with."""
    return f"Python {results['python']}, scikit-learn {results['scikit-learn']}"


def regions():
    """Text by file and by name of the region in it."""
    cascades, guarantees = load("cascade_study"), load("guarantee_study")
    serving, paper = load("serving"), load("paper_benchmarks")
    repeats = guarantees["rows"][0]["n_repeats"]
    targets = {0.99, 0.995, 0.999}

    def table(rule, compiled, targets):
        return cascade_table(cascades, rule=rule, compiled=compiled, targets=targets)

    return {
        ROOT / "README.rst": {"figures": main_table(paper) + "\n\n" + setting(paper)},
        DOCS / "benchmarks.rst": {
            "paper-setting": setting(paper),
            "paper-sizes": sizes_table(paper),
            **{f"paper-figure{figure}": figure_table(paper, figure) for figure in (6, 7, 8)},
            "certified": table("certified", False, targets),
            "willump": table("Willump", False, targets),
            "compiled": table("certified", True, targets),
            "compiled-willump": table("Willump", True, targets),
            "guarantee": f"{repeats} random splits of each set ({versions(guarantees)}). The "
            f"standard error of a share\nof 5 % is {(0.05 * 0.95 / repeats) ** 0.5:.1%}.\n\n"
            + guarantee_table(guarantees),
        },
        DOCS / "serving.rst": {
            "serving": f"{serving['workers']} workers, {serving['clients']} clients, medians of "
            f"{serving['repeats']} runs in turns, "
            f"{serving['cores']} cores for both; a target of {serving['rows'][0]['target']:g}\n"
            f"({versions(serving)}, FastAPI {serving['fastapi']}, uvicorn {serving['uvicorn']})."
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
