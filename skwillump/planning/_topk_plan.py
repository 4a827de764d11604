"""The choice of the filter and search of least expected cost that find enough of the K best."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._miss_odds import RankedSample
from ._query_evidence import QueryEvidence
from ._ratio_rule import ratio_options
from ._records import pays
from ._row_evidence import RowEvidence
from ._share_estimate import ShareEstimate
from ._topk_evidence import TopKEvidence
from ._topk_records import (
    Target,
    TopKCalibration,
    TopKCandidate,
    TopKGuarantee,
    TopKPlan,
    TopKTradeoff,
)
from ._topk_search import RatioSearch, Search, ShareSearch

FILTER_SAVING = 0.1
"""A filter must be expected to save this share of the full cost: measured costs are noisy, and
queries differ in how many of their rows are candidates."""

TESTED_SAVING = 0.75
"""Where others than the models that answer can be tested, a plan by their test must save this share
of what the estimate saves: both rest on an assumption then."""

NO_CANDIDATES = "no set of blocks could save a fifth of the cost"

NONE_CAN_PAY = (
    "no filter can pay: each costs nearly as much as the full model, even if it lets no row through"
)


@dataclass(frozen=True, kw_only=True)
class TopKOption:
    """A filter with a search, and what to expect of it."""

    candidate: int
    search: Search
    needs: np.ndarray  # float64 (n_rows,): effort at which each calibration row is found
    expected_seconds: float  # a row


def make_topk_plan(calibration: TopKCalibration, target: Target) -> TopKPlan:
    """Choose a filter and a search, and certify the choice.

    The rows marked `selects` choose the filter and the rule of the search; the other rows decide
    how deep the search must go.
    """
    if target.precision >= 1:
        return _exact(calibration, target, "precision_target is 1, so nothing may be lost")
    if target.confidence is None:
        return _ratio_plan(calibration, target)
    if target.k >= target.query_size[1]:
        reason = f"queries have at most {target.query_size[1]} rows, and k={target.k} are returned"
        return _exact(calibration, target, reason)
    if not calibration.candidates:
        return _exact(calibration, target, NO_CANDIDATES)
    tested = make_evidence(calibration, target)
    if calibration.stopped:
        tradeoffs = _tradeoffs_by_share(tested)
        return _exact(calibration, target, NONE_CAN_PAY, tradeoffs=tradeoffs)
    if calibration.queries is not None:
        return _filter_plan(tested)
    of_these = calibration.evidence.is_of_these_models
    # A test is of one size: each query of another is tested anew, which takes longer than many
    # queries take. Where other models were tested, that is not worth it.
    if not tested.is_tested or (target.any_size and not of_these):
        return _filter_plan(ShareEstimate(calibration, target), tested)
    plan = _filter_plan(tested)
    # Fresh rows are there to certify: no estimate takes the place of what they show.
    if of_these and (plan.candidate is not None or calibration.basis == "fresh"):
        return plan
    estimate = _filter_plan(ShareEstimate(calibration, target), tested)
    saved, saved_by_estimate = (
        calibration.full_seconds - of.expected_seconds for of in (plan, estimate)
    )
    return plan if saved >= TESTED_SAVING * saved_by_estimate else estimate


def _filter_plan(evidence: TopKEvidence, tested: TopKEvidence | None = None) -> TopKPlan:
    """The cheapest filter and search, as deep as the evidence asks for; none if it does not pay.

    Parameters
    ----------
    tested : TopKEvidence, optional
        What could be tested with more rows, where `evidence` is an estimate.
    """
    calibration, target = evidence.calibration, evidence.target
    rows_needed = (tested or evidence).rows_needed()
    if evidence.kind == "exact":
        return _exact(
            calibration,
            target,
            (tested or evidence).why_not(),
            rows_needed=rows_needed,
            tradeoffs=_tradeoffs_by_share(evidence),
        )
    best = [_best_option(evidence, position) for position in range(len(calibration.candidates))]
    cheapest = min(best, key=lambda option: option.expected_seconds)
    depth = evidence.depth(cheapest.needs)
    candidate = calibration.candidates[cheapest.candidate]
    share = evidence.share(
        cheapest.search, cheapest.needs, candidate.score, depth.effort, choosing=False
    )
    seconds = float(candidate.seconds.expected(share))
    if not pays(seconds, calibration.full_seconds, FILTER_SAVING):
        reason = (
            f"no filter is expected to pay: the best one would leave {100 * share:.1f} % of the "
            "rows to the full model"
        )
        tradeoffs = [_tradeoff(evidence, option) for option in best]
        if share < 1 or tested is None or tested.is_tested:
            return _exact(calibration, target, reason, tradeoffs=tradeoffs)
        reason = (
            f"{tested.why_not()}, and for an estimate that would let fewer than all rows through"
        )
        return _exact(calibration, target, reason, rows_needed=rows_needed, tradeoffs=tradeoffs)
    guarantee = TopKGuarantee(
        kind=evidence.kind,
        precision_target=target.precision,
        confidence=target.confidence,
        basis=calibration.basis,
        k=target.k,
        query_size=target.query_size,
        least_k=evidence.least_k(cheapest.needs, depth.effort),
        n_rows=len(evidence.certifying_rows),
        n_queries=evidence.n_queries,
        n_top=depth.n_top,
        n_misses=depth.n_misses,
        tested_target=1 - evidence.loss,
        tested_confidence=1 - evidence.error,
        precision=float(evidence.precision(cheapest.needs, np.array([depth.effort]))[0]),
        below_target=evidence.below_target(cheapest.needs, depth.effort),
        follows_rule=depth.follows_rule,
        rows_needed=rows_needed if evidence.kind == "estimate" else None,
    )
    return TopKPlan(
        candidate=cheapest.candidate,
        search=evidence.planned(cheapest.search, candidate, depth.effort, share),
        share=share,
        expected_seconds=seconds,
        guarantee=guarantee,
        tradeoffs=tuple(
            _tradeoff(evidence, option, depth.effort if option is cheapest else None)
            for option in best
        ),
        sample=_sample(calibration, target, candidate),
    )


def _sample(
    calibration: TopKCalibration, target: Target, candidate: TopKCandidate
) -> RankedSample | None:
    """What searches of other k and query sizes are estimated from."""
    if calibration.queries is not None:
        return None
    sample = ShareEstimate(calibration, target).sample(candidate)
    return sample.with_table(target.k) if target.any_size else sample


def replan_search(
    calibration: TopKCalibration, plan: TopKPlan, target: Target
) -> tuple[Search | None, str]:
    """Search for another k or query size by the same filter, from the rows that certify.

    Parameters
    ----------
    calibration : TopKCalibration
        Without queries.
    plan : TopKPlan
        With a filter.

    Returns
    -------
    search : Search or None
        None where nothing could be shown for this size.
    kind : {"certified", "cross-fitted", "estimate", "exact"}
    """
    assert plan.search is not None
    assert plan.candidate is not None
    assert plan.sample is not None
    if plan.guarantee.kind == "estimate":
        return _estimated(plan.sample, target)
    candidate = calibration.candidates[plan.candidate]
    if plan.fresh is not None:
        calibration = plan.fresh
        (candidate,) = calibration.candidates
    # What is asked is one k of one query, so that nothing is tested for others.
    evidence = RowEvidence(calibration, target, for_smaller_k=False)
    if not evidence.is_tested:
        return _estimated(plan.sample, target)
    needs = evidence.needs(plan.search, candidate)
    effort = evidence.depth(needs).effort
    share = max(float(np.mean(needs <= effort)), target.k / target.query_size[0])
    return plan.search.with_effort(effort, min(share, 1.0)), evidence.kind


def _estimated(sample: RankedSample, target: Target) -> tuple[Search | None, str]:
    search = sample.search(target.k, target.query_size[0])
    return (search, "estimate") if search.share < 1 else (None, "exact")


def make_evidence(calibration: TopKCalibration, target: Target) -> TopKEvidence:
    """What can be tested: the queries that were told are independent, or else the rows."""
    kind = RowEvidence if calibration.queries is None else QueryEvidence
    return kind(calibration, target)


def _best_option(evidence: TopKEvidence, position: int) -> TopKOption:
    """The cheaper search of a filter, as the rows that choose see it."""
    candidate = evidence.calibration.candidates[position]
    options = []
    for search in evidence.searches(candidate):
        needs = evidence.needs(search, candidate)
        effort = evidence.expected_effort(needs)
        share = evidence.share(search, needs, candidate.score, effort, choosing=True)
        seconds = float(candidate.seconds.expected(share))
        options.append(
            TopKOption(candidate=position, search=search, needs=needs, expected_seconds=seconds)
        )
    return min(options, key=lambda o: o.expected_seconds * o.search.handicap)


def _tradeoff(
    evidence: TopKEvidence, option: TopKOption, chosen: float | None = None
) -> TopKTradeoff:
    candidate = evidence.calibration.candidates[option.candidate]
    finite = option.needs[np.isfinite(option.needs)]
    shares = np.unique(np.concatenate([np.geomspace(1e-3, 1, 24), np.linspace(0.05, 1, 20)]))
    efforts = np.quantile(finite, shares) if len(finite) else np.array([np.inf])
    if chosen is not None:
        efforts = np.append(efforts, chosen)
    efforts = np.unique(efforts)
    visited = np.array(
        [
            evidence.share(option.search, option.needs, candidate.score, e, choosing=False)
            for e in efforts
        ]
    )
    return TopKTradeoff(
        **candidate.described,
        rule=option.search.rule,
        share=visited,
        precision=evidence.precision(option.needs, efforts),
        expected_seconds=candidate.seconds.expected(visited),
        chosen=None if chosen is None else int(np.searchsorted(efforts, chosen)),
    )


def _tradeoffs_by_share(evidence: TopKEvidence) -> list[TopKTradeoff]:
    """Trade-offs of filters by share, where nothing could be shown."""
    if not len(evidence.certifying_rows):
        return []
    search = ShareSearch()
    return [
        _tradeoff(
            evidence,
            TopKOption(
                candidate=position,
                search=search,
                needs=evidence.needs(search, candidate),
                expected_seconds=np.inf,
            ),
        )
        for position, candidate in enumerate(evidence.calibration.candidates)
    ]


def _ratio_plan(calibration: TopKCalibration, target: Target) -> TopKPlan:
    """Plan by the rule of the Willump paper, which makes no promise."""
    options = ratio_options(calibration, target)
    if not options:
        return _exact(calibration, target, NO_CANDIDATES)
    best = min(options, key=lambda option: (option.expected_seconds, option.candidate))
    if not pays(best.expected_seconds, calibration.full_seconds, FILTER_SAVING):
        reason = f"no filter is expected to pay: the best one needs a ratio of {best.ratio}"
        tradeoffs = [replace(option.tradeoff, chosen=None) for option in options]
        return _exact(calibration, target, reason, tradeoffs=tradeoffs)
    guarantee = TopKGuarantee(
        kind="plug-in",
        precision_target=target.precision,
        confidence=None,
        basis=calibration.basis,
        k=target.k,
        query_size=target.query_size,
        n_rows=len(calibration.full_score),
        n_queries=0 if calibration.queries is None else len(calibration.queries),
        tested_target=target.precision,
        tested_confidence=None,
        precision=float(best.precisions.mean()),
        below_target=float(np.mean(best.precisions < target.precision - 1e-12)),
    )
    return TopKPlan(
        candidate=best.candidate,
        search=RatioSearch(ratio=best.ratio, least_k=target.k),
        share=best.share,
        expected_seconds=best.expected_seconds,
        guarantee=guarantee,
        tradeoffs=tuple(
            option.tradeoff if option is best else replace(option.tradeoff, chosen=None)
            for option in options
        ),
    )


def _exact(calibration: TopKCalibration, target: Target, reason: str, **found: Any) -> TopKPlan:
    return TopKPlan.of_full_model(calibration.full_seconds, target, reason=reason, **found)
