"""Bayesian optimization by a Gaussian process. Optuna's own needs torch; this one is scikit-learn's process."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState
from scipy import optimize, stats
from threadpoolctl import threadpool_limits

from distributed_automl.scenario.design import FloatArray

N_SPREAD = 256
"""Configurations drawn from the whole space, of which the most promising one is tried."""
N_NEAR = 128
"""Configurations drawn near the best trial."""
NEAR = 0.1
"""Standard deviation of a number near the best trial, as a share of its range."""
SWITCHED = 0.2
"""Probability that a category near the best trial is another one."""
N_STEPS = 12
"""Steps by which the lengths of the process' kernel are improved at most."""
WORST = 3.0
"""What is farther below the median than this many times the best is above it counts as being there."""


class GaussianProcessSampler(BaseSampler):
    """Tries the configuration with the greatest expected improvement.

    Jones, Schonlau and Welch (1998), "Efficient global optimization of expensive black-box functions", equation 15.
    Numbers are scaled to the unit interval (on the logarithm where the space is), categories are indicators.
    Parameters that not every trial has are drawn at random.
    """

    def __init__(self, seed: int, n_startup_trials: int) -> None:
        self._seed = seed
        self._n_startup_trials = n_startup_trials
        self._random = RandomSampler(seed=seed)
        self._shared = IntersectionSearchSpace(include_pruned=True)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters that every trial has, but for those without a choice."""
        shared = self._shared.calculate(study)
        return {name: distribution for name, distribution in shared.items() if not distribution.single()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the most promising configuration; nothing before there are enough trials to learn from."""
        known = [one for one in study.get_trials(deepcopy=False, states=_JUDGED) if _is_usable(one, search_space)]
        if not search_space or len(known) < self._n_startup_trials:
            return {}
        rng = np.random.default_rng([self._seed, trial.number])
        values = np.array([one.value for one in known], dtype=np.float64)
        units = np.array([_to_units(one.params, search_space) for one in known])
        drawn = _snapped(_draws(units[int(np.argmax(values))], search_space, rng), search_space)
        improvement = _expected_improvement(
            _features(units, search_space), _limited(values), _features(drawn, search_space)
        )
        return _from_units(drawn[int(np.argmax(improvement))], search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw a parameter at random."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)


_JUDGED = (TrialState.COMPLETE, TrialState.PRUNED)
Space = Mapping[str, BaseDistribution]


def _is_usable(trial: FrozenTrial, space: Space) -> bool:
    return trial.value is not None and np.isfinite(trial.value) and all(name in trial.params for name in space)


def _limited(values: FloatArray) -> FloatArray:
    """Lift hopeless values: one of them would flatten everything else."""
    middle = float(np.median(values))
    limited: FloatArray = np.maximum(values, middle - WORST * (float(values.max()) - middle))
    return limited


def _expected_improvement(known: FloatArray, values: FloatArray, drawn: FloatArray) -> FloatArray:
    """Return what each drawn point is expected to add to the best value, shape (n_drawn,).

    Args:
        known: features of the trials, shape (n_trials, n_encoded).
        values: theirs, greater is better, shape (n_trials,).
        drawn: shape (n_drawn, n_encoded).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    kernel = ConstantKernel() * Matern(np.full(known.shape[1], 0.5), (0.05, 20.0), nu=2.5) + WhiteKernel(0.01)
    process = GaussianProcessRegressor(kernel, optimizer=_climbed, normalize_y=True, random_state=0)
    with warnings.catch_warnings(), threadpool_limits(limits=1):  # sums over threads depend on how many there are
        warnings.simplefilter("ignore", ConvergenceWarning)  # a length at its bound: the parameter does not matter
        mean, deviation = process.fit(known, values).predict(drawn, return_std=True)
    deviation = np.maximum(deviation, 1e-12)
    better = (mean - values.max()) / deviation
    return np.asarray(deviation * (better * stats.norm.cdf(better) + stats.norm.pdf(better)), dtype=np.float64)


def _climbed(
    objective: Callable[[FloatArray], tuple[float, FloatArray]], start: FloatArray, bounds: FloatArray
) -> tuple[FloatArray, float]:
    """Improve the kernel's logarithmic lengths by a few steps: which point is the most promising settles early."""
    found = optimize.minimize(
        objective, start, method="L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": N_STEPS}
    )
    return found.x, float(found.fun)


def _draws(best: FloatArray, space: Space, rng: np.random.Generator) -> FloatArray:
    """Draw points of the unit cube, from all over it and near the best one. Shape (n_drawn, n_parameters)."""
    spread = rng.random((N_SPREAD, len(space)))
    is_category = np.array([isinstance(one, CategoricalDistribution) for one in space.values()])
    moved = np.clip(best + NEAR * rng.normal(size=(N_NEAR, len(space))), 0.0, 1.0)
    switched = np.where(rng.random(moved.shape) < SWITCHED, rng.random(moved.shape), best)
    return np.vstack([spread, np.where(is_category, switched, moved)])


def _snapped(units: FloatArray, space: Space) -> FloatArray:
    """Move points to where a configuration lies: a whole number, a category."""
    return np.column_stack([_snapped_column(units[:, place], one) for place, one in enumerate(space.values())])


def _snapped_column(units: FloatArray, distribution: BaseDistribution) -> FloatArray:
    if isinstance(distribution, CategoricalDistribution):
        middles = _middles(distribution)
        return middles[np.minimum((units * len(middles)).astype(np.intp), len(middles) - 1)]
    if isinstance(distribution, FloatDistribution) and distribution.step is None:
        return units
    return np.array([_to_unit(_from_unit(float(unit), distribution), distribution) for unit in units])


def _features(units: FloatArray, space: Space) -> FloatArray:
    """Return numbers as they are, and an indicator per category. Shape (n_points, n_encoded)."""
    blocks = []
    for place, distribution in enumerate(space.values()):
        column = units[:, [place]]
        if isinstance(distribution, CategoricalDistribution):
            column = (column == _middles(distribution)).astype(np.float64)
        blocks.append(column)
    return np.hstack(blocks)


def _to_units(params: Mapping[str, Any], space: Space) -> FloatArray:
    """Return a configuration as a point of the unit cube; a category is the middle of its part."""
    return np.array([_to_unit(params[name], distribution) for name, distribution in space.items()])


def _to_unit(value: Any, distribution: BaseDistribution) -> float:
    if isinstance(distribution, CategoricalDistribution):
        return float(_middles(distribution)[int(distribution.to_internal_repr(value))])
    low, high = _bounds(distribution)
    return (float(_scaled(value, distribution)) - low) / (high - low)


def _from_units(point: FloatArray, space: Space) -> dict[str, Any]:
    """Return the configuration that a point of the unit cube stands for."""
    return {name: _from_unit(float(unit), one) for unit, (name, one) in zip(point, space.items(), strict=True)}


def _from_unit(unit: float, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        n_choices = len(distribution.choices)
        return distribution.choices[min(int(unit * n_choices), n_choices - 1)]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = _bounds(distribution)
    scaled = low + unit * (high - low)
    value = float(np.clip(np.exp(scaled) if distribution.log else scaled, distribution.low, distribution.high))
    if distribution.step is not None:
        value = distribution.low + round((value - distribution.low) / distribution.step) * distribution.step
    return int(value) if isinstance(distribution, IntDistribution) else value


def _middles(distribution: CategoricalDistribution) -> FloatArray:
    n_choices = len(distribution.choices)
    return (np.arange(n_choices) + 0.5) / n_choices


def _bounds(distribution: BaseDistribution) -> Sequence[float]:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return [_scaled(bound, distribution) for bound in (distribution.low, distribution.high)]


def _scaled(value: float, distribution: BaseDistribution) -> float:
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    return float(np.log(value)) if distribution.log else float(value)
