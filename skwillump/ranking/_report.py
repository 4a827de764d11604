"""What a ranker decided, why, and what is promised, as text."""

from ..planning import TopKGuarantee, TopKPlan
from ..stages._report import StageWords, whole_report

STAGE_WORDS = StageWords(
    without="no filter",
    share=lambda stage: f"scores {100 * stage.share:.3g} % of rows",
    rule=lambda stage: stage.search.description,
    rest="scores the rows that are let through",
    everything="scores every row",
)
"""What the stages of a ranker do."""


_TESTED = {"certified": "Certified", "cross-fitted": "Cross-fitted, not certified"}
"""How a promise by a valid test begins, by its kind."""


def _sizes_text(guarantee: TopKGuarantee) -> str:
    low, high = guarantee.query_size
    return f"{low:,} rows" if low == high else f"{low:,} to {high:,} rows"


def ranker_promise_text(guarantee: TopKGuarantee) -> list[str]:
    """What is promised, in sentences."""
    share, k = f"{100 * guarantee.precision_target:g} %", guarantee.k
    if guarantee.kind == "exact":
        return ["Every row gets the full model's score: nothing is approximated."]
    told = guarantee.n_queries > 0
    queries = "queries like those told" if told else f"queries of {_sizes_text(guarantee)}"
    found = (
        f"at least {share} of the full model's own {k} best are found, in the mean over {queries}"
    )
    seen = (
        f"{guarantee.n_queries:,} queries"
        if told
        else f"the {guarantee.n_top:,} best of {guarantee.n_rows:,} rows"
    )
    is_tested = guarantee.kind in _TESTED
    if guarantee.kind == "plug-in":
        lines = [
            f"No guarantee (confidence=None): the ratio was chosen by resampled queries, on which "
            f"{100 * guarantee.precision:.2f} % of the {k} best are found."
        ]
    else:
        if is_tested:
            lines = [
                f"{_TESTED[guarantee.kind]}: {found} of the same distribution, with confidence "
                f"{guarantee.confidence:g}."
            ]
        else:
            lines = [
                f"Estimate, not a guarantee: {found} of the same distribution, with confidence "
                f"{guarantee.confidence:g}, if the odds that a row is missed change as a power of "
                "its rank near the best ones."
            ]
            if guarantee.follows_rule is False:
                lines.append(
                    "The best calibration rows are missed more often than that, so they alone "
                    "decided how deep the search goes."
                )
        apart = " set apart from those that chose the filter" if is_tested else ""
        lines.append(
            f"Evidence: {seen}{apart}; {guarantee.n_misses:,} of the best rows are missed. "
            f"Point estimate of the mean precision: {guarantee.precision:.4f}."
        )
        if is_tested and guarantee.least_k < k:
            lines.append(f"The same holds for each k from {guarantee.least_k} to {k}.")
        if is_tested and guarantee.least_k > 1:
            lines.append(
                f"For k below {guarantee.least_k} it is an estimate: it holds if rows with higher "
                "full scores are not missed more often."
            )
    lines.append(
        f"Estimated share of single queries that fall below {share}: "
        f"{100 * guarantee.below_target:.1f} %."
    )
    if guarantee.basis == "cross-fitted" and guarantee.kind != "plug-in":
        lines.append(
            "The evidence is of models fitted in the same way on folds of the data: they find "
            f"{100 * guarantee.tested_target:g} % on average, with confidence "
            f"{guarantee.tested_confidence:g}. That those fitted on all of it, which answer, find "
            "the target is an assumption: that they need no more room than this. refit=False, "
            "cv='prefit' and certify assume nothing."
        )
    return lines


def ranker_report(ranker, plan: TopKPlan) -> str:
    """Report of a fitted `ApproxTopKRanker`."""
    guarantee = plan.guarantee
    lines = [
        f"ApproxTopKRanker, k={guarantee.k}, precision_target={guarantee.precision_target:g}",
        "",
    ]
    lines += ranker_promise_text(guarantee)
    if guarantee.reason:
        lines.append(f"No filter: {guarantee.reason}.")
    if guarantee.rows_needed is not None:
        lines.append(
            f"About {guarantee.rows_needed:,} calibration rows could certify a filter for these "
            "queries; fewer would for a larger k or smaller queries."
        )
    least_size = []
    if plan.candidate is not None:
        least_rows = ranker._calibrated.calibration.least_rows(plan.expected_seconds)
        if least_rows > guarantee.k + 1:
            least_size.append(
                f"Queries of fewer than {least_rows:,} rows are ranked by the full model alone."
            )
    return whole_report(ranker, lines, least_size)
