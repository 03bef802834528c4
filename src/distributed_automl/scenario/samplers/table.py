"""The table of samplers: Optuna's own where they need nothing more than the locked packages, else ours."""

import warnings
from collections.abc import Callable, Mapping

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, CmaEsSampler, QMCSampler, RandomSampler, TPESampler

from distributed_automl.scenario.samplers.gaussian_process import GaussianProcessSampler
from distributed_automl.scenario.samplers.grid import GridSampler


def _tpe(seed: int, n_trials: int) -> BaseSampler:
    return TPESampler(seed=seed, n_startup_trials=max(2, min(10, n_trials // 4)))


def _random(seed: int, n_trials: int) -> BaseSampler:
    return RandomSampler(seed=seed)


def _quasi_random(seed: int, n_trials: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ExperimentalWarning
        )  # "the interface can change": the lock knows which one it is
        return QMCSampler(qmc_type="sobol", scramble=True, seed=seed, warn_independent_sampling=False)


def _gaussian_process(seed: int, n_trials: int) -> BaseSampler:
    return GaussianProcessSampler(seed, n_startup_trials=max(4, min(10, n_trials // 3)))


def _cma_es(seed: int, n_trials: int) -> BaseSampler:
    return CmaEsSampler(seed=seed % MAX_CMA_SEED, warn_independent_sampling=False)


def _grid(seed: int, n_trials: int) -> BaseSampler:
    return GridSampler(seed)


MAX_CMA_SEED = 2**31 - 2
SAMPLERS: Mapping[str, Callable[[int, int], BaseSampler]] = {
    "tpe": _tpe,
    "random": _random,
    "quasi_random": _quasi_random,
    "gaussian_process": _gaussian_process,
    "cma_es": _cma_es,
    "grid": _grid,
}
"""Name of a sampler -> function of the seed and the number of trials. A new one costs a function and a line here."""
