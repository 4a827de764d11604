"""How the harms of a cascade grow, from what models fitted on fewer rows did."""

import numpy as np

from ._cascade_records import Calibration
from ._growth import UNMEASURED, Growth, measured_growth


def growth_at(
    calibration: Calibration, candidate: int, measure: str, thresholds: np.ndarray
) -> Growth | None:
    """Growth of the harms of a candidate at some thresholds.

    All calibration rows are looked at, those that certify too: what is read from them is how fast
    harms grow, not how many there are.

    Parameters
    ----------
    measure : {"probability", "margin", "score"}
    thresholds : ndarray of float64 of shape (n_classes,)

    Returns
    -------
    Growth or None
        None where the models that answer are the ones that the numbers are of.
    """
    if calibration.evidence.is_of_these_models:
        return None
    if calibration.stopped:
        return UNMEASURED
    smaller = calibration.smaller
    fewer = None if smaller is None else smaller.candidates[candidate]
    if smaller is None or fewer is None:
        return Growth()
    more = calibration.candidates[candidate]
    harms = calibration.harms[candidate] & (more.confidence[measure] >= thresholds[more.codes])
    of_fewer = smaller.full_right & ~fewer.right
    of_fewer &= fewer.confidence[measure] >= thresholds[fewer.codes]
    both = of_fewer & (smaller.rows >= 0) & harms[smaller.rows]
    return measured_growth(
        n_smaller=int(of_fewer.sum()),
        n_smaller_rows=len(of_fewer),
        n_harms=int(harms.sum()),
        n_rows=len(harms),
        n_both=int(both.sum()),
        row_ratio=smaller.row_ratio,
    )
