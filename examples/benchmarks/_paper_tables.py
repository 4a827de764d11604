"""Tables of `paper_benchmarks.py`, as RST, from its results."""

from __future__ import annotations

WAYS = (
    "scikit-learn",
    "compiled",
    "cascade",
    "top-K",
    "Willump's rule",
    "ONNX Runtime",
    "Booster.predict",
)
TITLES = {
    6: "Figure 6: batch throughput",
    7: "Figure 7: latency of one row",
    8: "Figure 8: throughput of the top K",
}


def list_table(head: list[str], rows: list[list[str]]) -> str:
    """Return an RST list-table."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [head, *rows]:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}".rstrip() for i, cell in enumerate(row)]
    return "\n".join(lines)


def by_way(results: dict, figure: int) -> dict[str, dict[str, dict]]:
    """Return the rows of a figure, by pipeline and way."""
    found: dict[str, dict[str, dict]] = {}
    for row in results["rows"]:
        if row["figure"] == figure:
            found.setdefault(row["pipeline"], {})[row["way"]] = row
    return found


def label(results: dict, pipeline: str) -> str:
    """Return the name of a pipeline; synthetic data are said to be."""
    for sizes in results["pipelines"]:
        if sizes["pipeline"] == pipeline and sizes["data"] == "synthetic":
            return f"{pipeline} (*synthetic*)"
    return pipeline


def micro(us: float) -> str:
    """Return microseconds with three digits."""
    return f"{us:,.0f}" if us >= 100 else f"{us:.3g}"


def share(value: float) -> str:
    """Return a share in percent; none is said to be none."""
    return "0" if value == 0 else f"{value:.2%}"


def speed_cells(row: dict) -> list[str]:
    """Return the median speed with quartiles."""
    low, high = row["quartiles"]
    if row["figure"] == 7:
        return [f"{micro(row['p50_us'])} ({micro(low)} to {micro(high)})", micro(row["p99_us"])]
    return [f"{row['rows_per_second']:,.0f} ({low:,.0f} to {high:,.0f})"]


def figure_table(results: dict, figure: int) -> str:
    """Return all measurements of a figure."""
    speed = {7: ["p50, us (quartiles)", "p99, us"]}.get(figure, ["Rows/s (quartiles)"])
    last = {8: ["Precision", "Mean gain"]}.get(figure, ["Accuracy or R2", "Differ"])
    last += ["Promise", "All features"]
    rows = []
    for pipeline, ways in by_way(results, figure).items():
        for way in WAYS:
            row = ways.get(way)
            if row is None:
                continue
            if "reason" in row:
                # "not LightGBM's model" is no news.
                if way != "Booster.predict":
                    blank = [""] * (len(speed) + 4)
                    rows.append([label(results, pipeline), way, row["reason"], *blank])
                continue
            quality = [f"{row['score']:.4f}"]
            quality.append(f"{row['gain']:.4g}" if figure == 8 else share(row["different"]))
            quality.append(row.get("guarantee", ""))
            quality.append(f"{row['full_share']:.1%}" if "full_share" in row else "")
            times = f"{row['speed_up']:.3g}x"
            rows.append([label(results, pipeline), way, *speed_cells(row), times, *quality])
    return list_table(["Pipeline", "Way", *speed, "Speed-up", *last], rows)


def sizes_table(results: dict) -> str:
    """Return how large the pipelines are."""
    head = ["Pipeline", "Paper's", "What it is", "Rows to train", "Rows to test", "cv", "Columns"]
    head += ["Features", "Terms", "Trees", "Pickle, MB"]
    rows = [
        [
            label(results, sizes["pipeline"]),
            sizes["shape"],
            sizes["description"],
            *(f"{sizes[key]:,}" for key in ("n_train", "n_test", "cv", "n_columns", "n_features")),
            f"{sizes['n_terms']:,}" if sizes["n_terms"] else "",
            f"{sizes['n_trees']:,}" if sizes["n_trees"] else "",
            f"{sizes['pickle_bytes'] / 1e6:.2f}",
        ]
        for sizes in results["pipelines"]
    ]
    return list_table(head, rows)


def main_table(results: dict) -> str:
    """Return the speed-ups of all figures in a line for each pipeline."""
    batch, point, top = (by_way(results, figure) for figure in (6, 7, 8))
    head = ["Pipeline", "Batch: compiled", "cascade", "accuracy", "One row: scikit-learn"]
    head += ["compiled", "cascade", "Top 100: compiled", "top-K", "precision"]

    def cell(figure, pipeline, way, show):
        row = figure.get(pipeline, {}).get(way)
        return "" if row is None or "reason" in row else show(row)

    def times(row):
        return f"{row['speed_up']:.3g}x"

    def latency(row):
        return f"{micro(row['p50_us'])} us"

    def accuracy(pipeline):
        scores = [
            cell(batch, pipeline, way, lambda row: f"{row['score']:.3f}")
            for way in ("scikit-learn", "cascade")
        ]
        return " to ".join(scores) if all(scores) else ""

    rows = []
    for sizes in results["pipelines"]:
        name = sizes["pipeline"]
        rows.append(
            [
                label(results, name),
                cell(batch, name, "compiled", times),
                cell(batch, name, "cascade", times),
                accuracy(name),
                cell(point, name, "scikit-learn", latency),
                cell(point, name, "compiled", latency),
                cell(point, name, "cascade", latency),
                cell(top, name, "compiled", times),
                cell(top, name, "top-K", times),
                cell(top, name, "top-K", lambda row: f"{row['score']:.2f}"),
            ]
        )
    return list_table(head, rows)


def setting(results: dict) -> str:
    """Return how it was measured, in a sentence or two."""
    names = {"python": "Python", "lightgbm": "LightGBM", "onnxruntime": "ONNX Runtime"}
    known = [
        f"{names.get(name, name)} {results['versions'][name]}"
        for name in ("python", "scikit-learn", "lightgbm", "onnxruntime", "skl2onnx")
        if results["versions"].get(name)
    ]
    text = (
        f"One thread each, in turns, medians of {results['repeats']} repeats; single rows: "
        f"{results['calls']:,} calls ({', '.join(known)})."
    )
    cpus = results["machine"]["cpus"]
    if results["load"] > cpus + 0.5:
        text += (
            f" **Preliminary**: up to {results['load']:.0f} processes wanted the {cpus} processors "
            "at the same time, which slows long calls more than short ones, so that speed-ups of "
            "single rows are overstated."
        )
    return text


def tables(results: dict) -> str:
    """Return everything as one RST text."""
    parts = [setting(results), sizes_table(results)]
    for figure, title in TITLES.items():
        if by_way(results, figure):
            parts += [f"{title}\n{'-' * len(title)}", figure_table(results, figure)]
    return "\n\n".join(parts) + "\n"
