"""Fixed-sequence tests: few p-values tell what all of them would."""

import numpy as np
import pytest

from skwillump.planning._fixed_sequence import AccuracyTest
from skwillump.planning._p_values import trinomial_p_value, trinomial_p_value_bound
from skwillump.planning._walks import Walk


def walk_of(rng, n_rows, n_steps, harm, rescue):
    """Rows that are answered early at random steps, more of them wrongly at later ones."""
    steps = rng.integers(1, n_steps + 1, n_rows)
    change = rng.random(n_rows) / np.maximum(steps / n_steps, 0.05)
    harms, rescues = change < harm, (change >= harm) & (change < harm + rescue)
    return Walk(
        rows=np.arange(n_rows),
        steps=steps,
        n_steps=n_steps,
        full_right=~rescues,
        approx_right=~harms,
        thresholds=np.zeros((n_steps, 2)),
    )


def allowed_step_by_step(test, walk):
    """As the sequence is defined: each step is tested until one does not pass."""
    last, p_value = 0, None
    for step, outcome in enumerate(test.outcomes(walk)):
        p = test.p_value(*map(int, outcome))
        if p > test.level:
            return last, p if p_value is None else p_value
        last, p_value = step, p
    return last, p_value


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rescue", [0.0, 0.004, 0.02])
def test_the_step_that_is_allowed_is_that_of_testing_one_by_one(seed, rescue):
    rng = np.random.default_rng(seed)
    walk = walk_of(rng, 3000, 60, 0.01 * rng.uniform(0.2, 3), rescue)
    test = AccuracyTest(target=0.98, level=0.05)
    allowed = test.allow(walk)
    step, p_value = allowed_step_by_step(test, walk)
    assert allowed.step == step
    assert allowed.evidence["p_value"] == p_value


@pytest.mark.parametrize("rescue", [0.0, 0.01])
def test_few_p_values_are_computed(monkeypatch, rescue):
    walk = walk_of(np.random.default_rng(0), 20_000, 400, 0.008, rescue)
    test, n_computed = AccuracyTest(target=0.98, level=0.05), []

    p_value = AccuracyTest.p_value

    def counted(self, *counts):
        n_computed.append(counts)
        return p_value(self, *counts)

    monkeypatch.setattr(AccuracyTest, "p_value", counted)
    assert test.allow(walk).step > 100
    assert len(n_computed) < 40


@pytest.mark.parametrize("target", [0.9, 0.99, 0.999])
def test_a_bound_is_never_below_the_p_value(target):
    rng = np.random.default_rng(0)
    n_rows = (10 ** rng.uniform(1, 4.5, 60)).astype(int)
    harms = rng.poisson(n_rows * (1 - target) * rng.uniform(0, 1.2, 60))
    rescues = rng.poisson(n_rows * (1 - target) * rng.uniform(0, 3, 60))
    both = np.maximum(n_rows - harms - rescues, 0)
    for level in (0.01, 0.2):
        bounds = trinomial_p_value_bound(both, harms, rescues, target, level)
        exact = [
            trinomial_p_value(*counts, target, level)
            for counts in np.column_stack([both, harms, rescues]).tolist()
        ]
        assert np.all(exact <= bounds)


def test_p_values_rise_with_harms_alone():
    p_values = [trinomial_p_value(5000 - harms, harms, 30, 0.99, 0.05) for harms in range(60)]
    assert np.all(np.diff(p_values) >= 0)
