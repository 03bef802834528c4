"""A grid over a search space that nobody writes down: its points are met while configurations are suggested."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

N_POINTS = 5
"""Points of a number on the grid, its bounds among them; evenly spaced, on the logarithm where the space is one."""
Path = tuple[int, ...]


class GridSampler(BaseSampler):
    """Visits the points of a grid in random order, none twice, and ends the study after the last one.

    A trial is a path through a tree: one branching per parameter, as `suggest` asks for them. So a parameter that is
    asked for only under a condition needs no special care, and no list of all points is ever made.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._path: Path = ()
        self._n_branches: dict[Path, int] = {}
        self._done: dict[Path, set[int]] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return nothing: parameters are drawn one by one."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing: parameters are drawn one by one."""
        return {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Go back to the root of the tree."""
        self._path = ()

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Take one of the branches that are not visited to their ends."""
        points = grid_points(param_distribution)
        self._n_branches[self._path] = len(points)
        done = self._done.setdefault(self._path, set())
        pick = int(self._rng.choice([number for number in range(len(points)) if number not in done]))
        self._path = (*self._path, pick)
        return points[pick]

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Close the path, and every branching that has no open branch left."""
        path = self._path
        while path:
            path, branch = path[:-1], path[-1]
            self._done[path].add(branch)
            if len(self._done[path]) < self._n_branches[path]:
                return
        if self._path:
            study.stop()


def grid_points(distribution: BaseDistribution) -> list[Any]:
    """Return a parameter's points on the grid, ascending; all choices of a category.

    Raises:
        ValueError: a distribution that is neither a number's nor a category's.
    """
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        raise ValueError(f"a grid needs float, integer or categorical parameters; found {distribution}")
    space = np.geomspace if distribution.log else np.linspace
    values = space(distribution.low, distribution.high, N_POINTS)
    if isinstance(distribution, FloatDistribution) and distribution.step is None:
        return [float(value) for value in np.unique(np.clip(values, distribution.low, distribution.high))]
    steps = np.unique(np.round((values - distribution.low) / (distribution.step or 1)))
    kind = int if isinstance(distribution, IntDistribution) else float
    return [kind(distribution.low + step * (distribution.step or 1)) for step in steps]
