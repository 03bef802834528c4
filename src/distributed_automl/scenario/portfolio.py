"""The portfolio: configurations that did well on other scenarios, tried before any search.

A configuration is kept in a form that means the same in every scenario: only what a search draws, a half-life as a
share of the history, and no loss where it is the one that the objective asks for. What a portfolio does not say, the
candidate's default does.
"""

import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Self, cast

import optuna

from distributed_automl.errors import ModelError
from distributed_automl.parameters import Tuning
from distributed_automl.scenario.design import Design
from distributed_automl.scenario.estimators._base import Candidate, Hyperparameters
from distributed_automl.scenario.recency import half_life_of, share_of_history
from distributed_automl.scenario.tuning import require_in_space

FORMAT = 1
GENERAL = "general_portfolio.json"
N_DIGITS = 3
"""Significant digits of a number that a search drew: more would pretend to know."""
Configurations = Mapping[str, Sequence[Hyperparameters]]


@dataclass(frozen=True)
class Portfolio:
    """Configurations in the order in which they are tried.

    Attributes:
        configurations: task -> candidate -> portable configurations, the most useful first.
    """

    configurations: Mapping[str, Configurations] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of all that it says, hexadecimal."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def for_candidate(self, candidate: Candidate, design: Design) -> list[Hyperparameters]:
        """Return a candidate's configurations in a scenario's own terms, without those that its space does not hold.

        Args:
            candidate: the family.
            design: of the scenario; its task and what applies to it decide.
        """
        known = self.configurations.get(design.samples.problem.task, {}).get(candidate.name, ())
        placed = [placed_in(one, candidate, design) for one in known]
        found: list[Hyperparameters] = []
        for one in placed:
            if one is not None and one not in found:
                found.append(one)
        return found

    def updated(self, task: str, configurations: Configurations) -> "Portfolio":
        """Return a portfolio that says something else of some candidates of a task, and the same of all others."""
        of_task = {**self.configurations.get(task, {}), **configurations}
        return Portfolio({**self.configurations, task: of_task})

    def to_json(self) -> dict[str, Any]:
        """Return JSON values; see `from_json`."""
        tasks = {
            task: {candidate: [dict(one) for one in known] for candidate, known in of_task.items()}
            for task, of_task in self.configurations.items()
        }
        return {"format": FORMAT, "configurations": tasks}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned.

        Raises:
            ModelError: it is something else, or of another version of the program.
        """
        if values.get("format") != FORMAT or not isinstance(values.get("configurations"), dict):
            raise ModelError(
                f"this is no portfolio of format {FORMAT}: found the keys {sorted(values)} and format "
                f"{values.get('format')!r}; make one with `kedro run --pipelines=portfolio`"
            )
        return cls(values["configurations"])


NOTHING = Portfolio()
"""Says nothing of any candidate: each starts from its default."""


@cache
def general_portfolio() -> Portfolio:
    """Return the portfolio that ships with the program; benchmarks/portfolio.py makes it."""
    path = files("distributed_automl.scenario").joinpath(GENERAL)
    return Portfolio.from_json(json.loads(path.read_text(encoding="utf-8")))


def portfolio_of(saved: Mapping[str, Any] | None) -> Portfolio:
    """Return a fleet's own portfolio from its JSON values; the general one if it has none."""
    return Portfolio.from_json(saved) if saved else general_portfolio()


def portfolio_in_use(tuning: Tuning, portfolio: Portfolio | None) -> Portfolio:
    """Return what a search starts from: a given portfolio, the general one, or nothing if none is wanted."""
    if not tuning.portfolio:
        return NOTHING
    return general_portfolio() if portfolio is None else portfolio


def placed_in(portable: Hyperparameters, candidate: Candidate, design: Design) -> Hyperparameters | None:
    """Return a portable configuration in a scenario's terms; None if the candidate's space does not hold it there.

    A question that does not arise there (a strategy, where there is only one) needs no answer.
    """
    wanted = {**candidate.defaults(design), **portable}
    if portable.get("half_life") is not None:
        wanted["half_life"] = half_life_of(design.samples, portable["half_life"])
    trial = optuna.trial.FixedTrial(wanted)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a value out of the space is found below
            placed = candidate.suggest(cast(optuna.Trial, trial), design)
        require_in_space(placed, candidate, design)
    except ValueError:
        return None
    return placed


def portable_form(configuration: Hyperparameters, candidate: Candidate, design: Design) -> Hyperparameters:
    """Return a configuration of one scenario in the form that means the same in every other.

    Args:
        configuration: in the candidate's space.
        candidate: the family.
        design: of the scenario that it comes from.
    """
    trial = optuna.trial.FixedTrial(dict(configuration))
    candidate.suggest(cast(optuna.Trial, trial), design)
    drawn = {name: _rounded(configuration[name]) for name in trial.distributions}
    if drawn.get("half_life") is not None:
        drawn["half_life"] = share_of_history(design.samples, configuration["half_life"])
    if "loss" in drawn and drawn["loss"] == candidate.defaults(design).get("loss"):
        del drawn["loss"]
    return drawn


def _rounded(value: object) -> object:
    return float(f"{value:.{N_DIGITS}g}") if isinstance(value, float) else value
