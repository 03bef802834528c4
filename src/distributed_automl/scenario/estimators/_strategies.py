"""Strategies: how learners cover the horizon. One strategy is one class, and one line in STRATEGIES.

direct       one learner; its features are a horizon old for every step
blocks       a learner for each block of the horizon, with the freshest past that the block may see
joint        one learner for all blocks: each training row sees what one of them may see, and which one is a feature
recursive    the first block's learner, again and again, each time from its own last predictions
per_series   direct, a learner for every series of the scenario
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import optuna
import pandas as pd

from distributed_automl.scenario.calendar import steps_after
from distributed_automl.scenario.design import SERIES_COL, Design, FloatArray, IntArray, Samples
from distributed_automl.scenario.estimators._base import mean_of
from distributed_automl.scenario.history import known_target

DIRECT = "direct"


@dataclass(frozen=True)
class Portion:
    """What one learner learns from.

    Attributes:
        rows_by_gap: gap of the features -> positions of the rows that are seen so, ascending gaps. Where there are
            several, and it makes a difference to what is seen, the learner is told which.
        series: whose rows these are; None: of all.
    """

    rows_by_gap: Mapping[int, IntArray]
    series: str | None = None


class Learner(Protocol):
    """What was fitted on one portion."""

    @property
    def gap(self) -> int: ...

    @property
    def series(self) -> str | None: ...


class Learners(Protocol):
    """A fitted candidate, as a strategy sees it: learners in the order of their portions, and a way to ask one."""

    @property
    def learners(self) -> Sequence[Learner]: ...

    def predict_with(
        self, learner: Any, design: Design, *, gap: int, known: FloatArray, rows: IntArray
    ) -> FloatArray: ...


class Strategy(ABC):
    """One way to cover the horizon."""

    name: ClassVar[str]

    def applies(self, design: Design) -> bool:
        """Return whether it is `direct`, or differs from it here: as most do where the horizon has several blocks."""
        return len(design.gaps) > 1

    @abstractmethod
    def portions(self, design: Design, rows: IntArray) -> Iterator[Portion]:
        """Yield what each learner learns from.

        Args:
            design: canonical rows and their features.
            rows: positions of the training rows.
        """

    @abstractmethod
    def predict(self, fitted: Learners, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        """Predict some rows; see Fitted.predict."""


class Direct(Strategy):
    """One learner, whose features are a horizon old for every step."""

    name = DIRECT

    def applies(self, design: Design) -> bool:
        return True

    def portions(self, design: Design, rows: IntArray) -> Iterator[Portion]:
        yield Portion({design.gaps[-1]: rows})

    def predict(self, fitted: Learners, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        known, learner = known_target(design.samples, history), fitted.learners[0]
        return fitted.predict_with(learner, design, gap=learner.gap, known=known, rows=rows)


class Blocks(Strategy):
    """A learner for each block of the horizon; a row belongs to the first block that does not end before it."""

    name = "blocks"

    def portions(self, design: Design, rows: IntArray) -> Iterator[Portion]:
        return (Portion({gap: rows}) for gap in design.gaps)

    def predict(self, fitted: Learners, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        by_gap = {learner.gap: learner for learner in fitted.learners}
        return predict_by_gap(fitted, by_gap, design, history, rows)


class Joint(Strategy):
    """One learner for all blocks: the training rows take turns in seeing what each block may see."""

    name = "joint"

    def portions(self, design: Design, rows: IntArray) -> Iterator[Portion]:
        turn = turns_of(design.samples, rows, len(design.gaps))
        by_gap = {gap: rows[turn == number] for number, gap in enumerate(design.gaps)}
        yield Portion({gap: own for gap, own in by_gap.items() if len(own)})

    def predict(self, fitted: Learners, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        by_gap = dict.fromkeys(design.gaps, fitted.learners[0])
        return predict_by_gap(fitted, by_gap, design, history, rows)


class Recursive(Strategy):
    """The first block's learner walks through the horizon, block by block, on its own predictions."""

    name = "recursive"

    def portions(self, design: Design, rows: IntArray) -> Iterator[Portion]:
        yield Portion({design.gaps[0]: rows})

    def predict(self, fitted: Learners, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        learner, lowest = fitted.learners[0], design.samples.problem.target_min
        known = known_target(design.samples, history)
        ahead = following(design.samples, history, rows)
        block = (steps_after_history(design.samples, history, ahead) - 1) // learner.gap
        for number in np.unique(block):
            own = ahead[block == number]
            walked = design.continued(history, known, learner.gap)
            predicted = fitted.predict_with(learner, walked, gap=learner.gap, known=known, rows=own)
            known[own] = predicted if lowest is None else np.maximum(predicted, lowest)
        return known[rows]


class PerSeries(Strategy):
    """Direct, with a learner for every series; a series that none learned from gets the mean of all learners."""

    name = "per_series"

    def applies(self, design: Design) -> bool:
        return design.samples.problem.is_forecasting and design.samples.frame[SERIES_COL].nunique() > 1

    def portions(self, design: Design, rows: IntArray) -> Iterator[Portion]:
        series = design.samples.frame[SERIES_COL].to_numpy()[rows]
        gap = design.gaps[-1]
        return (Portion({gap: rows[series == name]}, str(name)) for name in np.unique(series.astype(str)))

    def predict(self, fitted: Learners, design: Design, history: IntArray, rows: IntArray) -> FloatArray:
        known = known_target(design.samples, history)
        series = design.samples.frame[SERIES_COL].to_numpy()[rows]
        learners = {one.series: one for one in fitted.learners}
        predicted = np.empty(len(rows))
        for name in np.unique(series.astype(str)):
            own = series == name
            of_series = [learners[name]] if name in learners else list(fitted.learners)
            each = [fitted.predict_with(one, design, gap=one.gap, known=known, rows=rows[own]) for one in of_series]
            predicted[own] = mean_of(each)
        return predicted


STRATEGIES: dict[str, Strategy] = {one.name: one for one in (Direct(), Blocks(), Joint(), Recursive(), PerSeries())}
"""Name of a strategy -> strategy."""


def suggest_strategy(trial: optuna.Trial, design: Design) -> dict[str, str]:
    """Draw a strategy, where there is a choice."""
    names = [name for name, strategy in STRATEGIES.items() if strategy.applies(design)]
    return {"strategy": trial.suggest_categorical("strategy", names)} if len(names) > 1 else {}


def default_strategy(design: Design) -> dict[str, str]:
    """Return the default strategy, where there is a choice."""
    has_choice = sum(strategy.applies(design) for strategy in STRATEGIES.values()) > 1
    return {"strategy": DIRECT} if has_choice else {}


def turns_of(samples: Samples, rows: IntArray, n: int) -> IntArray:
    """Return a number below n for each row: about as many of each, whatever the season, shape (n_rows,).

    It follows from series and timestamp alone, so that a row keeps its turn when others come or go.
    """
    names = samples.frame[[SERIES_COL, str(samples.problem.timestamp)]].iloc[rows]
    hashes = pd.util.hash_pandas_object(names, index=False).to_numpy()
    drawn = (hashes >> np.uint64(11)) / 2.0**53  # the highest bits: the lowest of two series differ by a constant
    return (drawn * n).astype(np.intp)


def predict_by_gap(
    fitted: Learners, learners: Mapping[int, Learner], design: Design, history: IntArray, rows: IntArray
) -> FloatArray:
    """Predict each row by the learner of the first block that does not end before it, from that block's features.

    Args:
        fitted: that the learners are of.
        learners: gap -> learner, ascending gaps; rows after the last block are predicted as the last ones of it.
        design: canonical rows and their features.
        history: positions that may be looked at.
        rows: positions to predict.
    """
    known, gaps = known_target(design.samples, history), list(learners)
    block = np.searchsorted(gaps, steps_after_history(design.samples, history, rows))
    predicted = np.empty(len(rows))
    for number, gap in enumerate(gaps):
        own = np.minimum(block, len(gaps) - 1) == number
        if own.any():
            predicted[own] = fitted.predict_with(learners[gap], design, gap=gap, known=known, rows=rows[own])
    return predicted


def steps_after_history(samples: Samples, history: IntArray, rows: IntArray) -> IntArray:
    """Return how many periods each row lies after the last one of the history, at least 1. Shape (n_rows,)."""
    frequency = samples.problem.frequency
    if frequency is None or not len(history):
        return np.ones(len(rows), dtype=np.intp)
    origin = samples.timestamps.iloc[history].max()
    return np.maximum(steps_after(origin, samples.timestamps.iloc[rows], frequency), 1)


def following(samples: Samples, history: IntArray, rows: IntArray) -> IntArray:
    """Return the positions of all periods after the history up to the last one of some rows, ascending."""
    if not len(history):
        return np.sort(rows)
    time = samples.timestamps
    origin, last = time.iloc[history].max(), time.iloc[rows].max()
    return np.flatnonzero(((time > origin) & (time <= last)).to_numpy() | np.isin(np.arange(len(samples)), rows))
