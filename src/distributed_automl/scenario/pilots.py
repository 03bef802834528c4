"""Pilots: the scenarios that a portfolio is made from. Each is searched at length, and what won in one is tried on all.

The portfolio begins with the default and is built greedily: its next configuration is the one that leaves the least
regret on average over the pilots, beside those it has (Feurer et al. 2022, "Auto-sklearn 2.0", section 4.1).
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from distributed_automl.parameters import AutoML
from distributed_automl.scenario.arena import Arena
from distributed_automl.scenario.estimators import BASELINES, CANDIDATES
from distributed_automl.scenario.estimators._base import Candidate, Hyperparameters
from distributed_automl.scenario.fit import competing
from distributed_automl.scenario.portfolio import Configurations, Portfolio, placed_in, portable_form
from distributed_automl.scenario.tuning import ONE_TRIAL, tune

DEFAULT: Hyperparameters = {}
"""The portable form of whatever a candidate's default is."""
MIN_IMPROVEMENT = 0.001
"""What a configuration must take off the mean regret, as a share of the baseline's error, to be worth a trial."""


@dataclass(frozen=True)
class PilotTrial:
    """One configuration, judged on the folds of one pilot.

    Attributes:
        candidate: name of the family; that of the baseline among them.
        configuration: in its portable form.
        gain: the objective over all folds, greater is better.
    """

    candidate: str
    configuration: Hyperparameters
    gain: float


def choose_pilots(sizes: pd.DataFrame, n_pilots: int) -> list[str]:
    """Choose scenarios of all sizes: of each of `n_pilots` classes of size the one whose id has the lowest hash.

    Args:
        sizes: scenario_id, n_rows.
        n_pilots: scenarios at most.
    """
    hashed = sizes.assign(hash=sizes["scenario_id"].map(_hash)).sort_values(["n_rows", "hash"])
    classes = np.array_split(np.arange(len(hashed)), max(min(n_pilots, len(hashed)), 1))
    chosen = [hashed.iloc[places].sort_values("hash")["scenario_id"].iloc[0] for places in classes if len(places)]
    return sorted(map(str, chosen))


def search_pilot(arena: Arena, automl: AutoML, *, n_trials: int) -> list[PilotTrial]:
    """Search every candidate on one scenario, and return the best configuration of each.

    Args:
        arena: of the scenario, without a pool.
        automl: how scenarios are searched.
        n_trials: of each candidate's search, in place of `automl.tuning.n_trials`.
    """
    tuning = automl.tuning.model_copy(update={"n_trials": n_trials})
    design = arena.folds[0].design
    tuned = [tune(candidate, arena, tuning) for candidate in competing(automl, arena)]
    return [
        PilotTrial(one.candidate.name, portable_form(one.hyperparameters, one.candidate, design), one.gain)
        for one in tuned
    ]


def try_on_pilot(arena: Arena, automl: AutoML, *, tried: Configurations) -> list[PilotTrial]:
    """Judge the given configurations, every candidate's default and the baseline on one scenario.

    Args:
        arena: of the scenario, without a pool.
        automl: who competes.
        tried: candidate -> portable configurations; those that its space does not hold here have no trial.
    """
    baseline = CANDIDATES[BASELINES[arena.holdout.design.samples.problem.task]]
    trials = [PilotTrial(baseline.name, DEFAULT, tune(baseline, arena, ONE_TRIAL).gain)]
    for candidate in competing(automl, arena):
        if candidate is not baseline:
            trials += judged(candidate, [DEFAULT, *tried.get(candidate.name, ())], arena)
    return trials


def judged(candidate: Candidate, configurations: Iterable[Hyperparameters], arena: Arena) -> list[PilotTrial]:
    """Judge portable configurations of one candidate on an arena's folds."""
    design = arena.folds[0].design
    placed = [(portable, placed_in(portable, candidate, design)) for portable in configurations]
    return [
        PilotTrial(candidate.name, portable, tune(candidate, arena, ONE_TRIAL, first=[here]).gain)
        for portable, here in placed
        if here is not None
    ]


def to_try(
    searched: Iterable[PilotTrial], known: Configurations, *, max_tried: int
) -> dict[str, list[Hyperparameters]]:
    """Return what is to be tried on all pilots beside the default: what is known already, and what won in a search.

    Args:
        searched: the best of each search, of all pilots.
        known: candidate -> portable configurations of an earlier portfolio.
        max_tried: per candidate; of those that won as many as there is room for, in the order of their hashes.
    """
    default = key_of(DEFAULT)
    won: dict[str, set[str]] = {}
    for one in searched:
        won.setdefault(one.candidate, set()).add(key_of(one.configuration))
    tried = {}
    for candidate in sorted({*known, *won}):
        before = [key for key in map(key_of, known.get(candidate, ())) if key != default]
        new = sorted(won.get(candidate, set()) - {default, *before}, key=_hash)
        tried[candidate] = [json.loads(key) for key in [*before, *new][:max_tried]]
    return tried


def make_portfolio(trials: pd.DataFrame, start: Portfolio, task: str, *, n_configurations: int) -> Portfolio:
    """Choose each candidate's configurations, its default first.

    Args:
        trials: pilot, candidate, configuration (see `key_of`), gain; the baseline's of every pilot among them.
        start: says what the pilots do not.
        task: of the pilots.
        n_configurations: per candidate, at most.
    """
    is_baseline = trials["candidate"] == BASELINES[task]
    baseline = trials[is_baseline].set_index("pilot")["gain"]
    chosen: dict[str, list[Hyperparameters]] = {}
    for candidate, of_candidate in trials[~is_baseline].groupby("candidate"):
        gains = of_candidate.pivot(index="pilot", columns="configuration", values="gain")
        gains = gains[sorted(gains, key=lambda key: (key != key_of(DEFAULT), key))]
        chosen[str(candidate)] = [json.loads(key) for key in choose(gains, baseline, n_configurations)]
    return start.updated(task, chosen)


def choose(gains: pd.DataFrame, baseline: pd.Series, n: int) -> list[str]:
    """Choose configurations greedily: the next is the one that leaves the least regret beside those before it.

    Args:
        gains: pilots x configurations, greater is better; NaN: does not apply there. The first configuration is chosen
            as it is, and the first of equals later.
        baseline: gain of the baseline on every pilot.
        n: configurations at most; fewer where another one would take less than MIN_IMPROVEMENT off the mean regret.
    """
    regret = regrets(gains, baseline)
    chosen = [str(regret.columns[0])]
    while len(chosen) < min(n, len(regret.columns)):
        left = regret[chosen].min(axis=1)
        beside = regret.drop(columns=chosen).clip(upper=left, axis=0).mean()
        if left.mean() - beside.min() < MIN_IMPROVEMENT:
            break
        chosen.append(str(beside.idxmin()))
    return chosen


def regrets(gains: pd.DataFrame, baseline: pd.Series) -> pd.DataFrame:
    """Return what each configuration leaves to the best of its pilot, as a share of the baseline's error, at most 1.

    Where the baseline's gain is next to nothing (an R2 of a mean), the distance of the best from the median
    configuration is the scale. One that does not apply is as bad as the worst that does.
    """
    best = gains.max(axis=1)
    spread = best - gains.median(axis=1)
    scale = baseline.reindex(gains.index).abs().clip(lower=spread)
    missed = gains.rsub(best, axis=0).div(scale.where(scale > 0.0, 1.0), axis=0)
    return missed.T.fillna(missed.max(axis=1)).T.clip(upper=1.0)


def trials_frame(trials: Iterable[tuple[str, Sequence[PilotTrial]]]) -> pd.DataFrame:
    """Return the trials of several pilots as make_portfolio wants them; `trials` names each pilot."""
    rows = [
        (pilot, one.candidate, key_of(one.configuration), one.gain) for pilot, of_pilot in trials for one in of_pilot
    ]
    return pd.DataFrame(rows, columns=["pilot", "candidate", "configuration", "gain"])


def key_of(configuration: Hyperparameters) -> str:
    """Return a configuration as JSON that is the same for the same values."""
    return json.dumps(dict(configuration), sort_keys=True)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
