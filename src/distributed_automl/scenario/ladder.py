"""How each rung of the ladder answers: the champion, the pooled model of similar scenarios, the baseline, a constant.

Which is tried after which, and why one did not answer, is `attempt.attempt_predict`'s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.errors import ModelError
from distributed_automl.parameters import Problem
from distributed_automl.scenario.calendar import Frequency, season_of, steps_after
from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.class_calibration import ClassCalibration
from distributed_automl.scenario.classes import class_codes, class_costs, classes_of, decide
from distributed_automl.scenario.columns import beyond_scale
from distributed_automl.scenario.design import ROW_COL, Design, FloatArray, IntArray, Kinds, Samples, Timestamp
from distributed_automl.scenario.estimators import BASELINES, CANDIDATES
from distributed_automl.scenario.estimators._base import Fitted
from distributed_automl.scenario.intervals import Calibration, Residuals, calibrate
from distributed_automl.scenario.members import AnyCalibration, Mixed, as_served, clip
from distributed_automl.scenario.model import ScenarioModel
from distributed_automl.scenario.pool import PooledModel
from distributed_automl.scenario.synthesis import design_of
from distributed_automl.tables import interval_names

BACKTEST_WINDOWS = 4
"""Horizons of the history that the baseline's intervals are calibrated on at most."""
MIN_BASELINE_RESIDUALS = 10
"""Residuals of the past below which the baseline gives no interval."""


@dataclass(frozen=True)
class Question:
    """The rows of one scenario that are asked for, beside all that may be known.

    Attributes:
        samples: canonical rows, history and future.
        asked: positions asked for, in the order in which they stood in the frame that came in.
        history: positions with a known target, none of them after the origin.
        origin: last timestamp that may be known; None in tabular tasks.
        steps: periods after the origin, shape (n_asked,); 1 in tabular tasks.
    """

    samples: Samples
    asked: IntArray
    history: IntArray
    origin: Timestamp | None
    steps: IntArray

    @property
    def row(self) -> IntArray:
        """Positions of the rows asked for in the frame that came in, shape (n_asked,)."""
        return self.samples.frame[ROW_COL].to_numpy()[self.asked].astype(np.intp)


@dataclass(frozen=True)
class Answer:
    """What one rung says.

    Attributes:
        row: positions in the frame that came in, shape (n_asked,).
        steps: periods after the origin, shape (n_asked,).
        predicted: shape (n_asked,), in units of the target; of classes calibrated probabilities, (n_asked, n_classes).
        baseline: what the baseline says, of the same shape.
        bounds: interval column -> shape (n_asked,); NaN where the rung has no interval.
        classes: labels of the classes; empty if the target is a number.
        decided: code of the class that `predicted` decides for, shape (n_asked,); None if the target is a number.
        baseline_decided: the same of `baseline`.
    """

    row: IntArray
    steps: IntArray
    predicted: FloatArray
    baseline: FloatArray
    bounds: Mapping[str, FloatArray]
    classes: tuple[str, ...] = ()
    decided: IntArray | None = None
    baseline_decided: IntArray | None = None


def ask(
    frame: pd.DataFrame,
    problem: Problem,
    kinds: Kinds,
    origin: Timestamp | None = None,
    *,
    classes: Sequence[str] | None = None,
) -> Question:
    """Find the rows asked for: those without a target and, in forecasting, later than the origin.

    Args:
        frame: history and future of one scenario, the user's columns, in any order.
        problem: the use case.
        kinds: the feature columns to keep.
        origin: last timestamp that may be known; None: the latest with any target.
        classes: classification: the classes to answer in; None: those of the rows.

    Raises:
        TableError: a column is missing or of a wrong type, or a row is there twice.
    """
    if not problem.is_forecasting:
        return _ask_tabular(canonical(frame, problem, kinds, classes=classes))
    lenient = problem.model_copy(update={"missing_rows": "null"}) if problem.missing_rows == "error" else problem
    origin = _origin(frame, problem) if origin is None else origin
    samples = canonical(frame, lenient, kinds, origin=origin)
    absurd = beyond_scale(samples.y)
    after = (samples.timestamps > origin).to_numpy()
    asked = np.flatnonzero(np.isnan(samples.y) & after & (samples.frame[ROW_COL].to_numpy() >= 0))
    history = np.flatnonzero(np.isfinite(samples.y) & ~absurd & ~after)
    assert problem.frequency is not None  # the parameters require it
    steps = steps_after(origin, samples.timestamps.iloc[asked], problem.frequency)
    return Question(_without_future(samples, after, absurd), asked, history, origin, steps)


def _without_future(samples: Samples, after: npt.NDArray[np.bool_], absurd: npt.NDArray[np.bool_]) -> Samples:
    """Return the samples with the target and the observed columns unknown after the origin, and no absurd target."""
    hidden = {name: samples.frame[name].mask(after) for name in samples.observed}
    hidden[samples.problem.target] = samples.frame[samples.problem.target].mask(after | absurd)
    return replace(samples, frame=samples.frame.assign(**hidden))


def _ask_tabular(samples: Samples) -> Question:
    asked = np.flatnonzero(np.isnan(samples.y))
    known = np.flatnonzero(np.isfinite(samples.y) & ~beyond_scale(samples.y))
    return Question(samples, asked, known, None, np.ones(len(asked), dtype=np.intp))


def _origin(frame: pd.DataFrame, problem: Problem) -> Timestamp:
    timestamps = _timestamps(frame, problem)
    known = timestamps[frame[problem.target].notna()]
    if len(known):
        return _scalar(known.max())
    first = _scalar(timestamps.min())
    return first - pd.Timedelta(1, "ns") if isinstance(first, pd.Timestamp) else first - 1


def _scalar(value: Any) -> Timestamp:
    return value if isinstance(value, pd.Timestamp) else int(value)


def _timestamps(frame: pd.DataFrame, problem: Problem) -> pd.Series:
    """Return the timestamps as integers or naive datetimes, as canonical rows have them, however they came in."""
    column = frame[problem.timestamp]
    if isinstance(problem.frequency, int):
        return column.astype("int64")
    times = pd.to_datetime(column)
    return times if times.dt.tz is None else times.dt.tz_convert(None)


def champion_answer(
    frame: pd.DataFrame, model: ScenarioModel, pool: PooledModel | None, origin: Timestamp | None
) -> Answer:
    """Let a scenario's own model answer.

    Raises:
        ModelError: there is too little history, or the pooled model that it was trained with is not there.
    """
    question = ask(frame, model.problem, model.definitions.kinds, origin, classes=model.calibration.classes)
    _require_history(question)
    _require_horizon(question)
    if model.pool_digest is not None and (pool is None or pool.digest != model.pool_digest):
        raise ModelError(f"the pooled model {model.pool_digest[:12]} that it was trained with is not there")
    pooled = pool.latest if pool else None
    design = design_of(question.samples, model.definitions, model.entities, pooled=pooled)
    predicted = model.mixed(design, question.history, question.asked)
    return _answer(question, predicted, model.baseline, model.calibration)


def pooled_answer(frame: pd.DataFrame, pool: PooledModel, origin: Timestamp | None) -> Answer:
    """Let the pooled model of similar scenarios answer."""
    question = ask(frame, pool.problem, pool.definitions.kinds, origin, classes=pool.calibration.classes)
    _require_horizon(question)
    design = design_of(question.samples, pool.definitions, pool.entities)
    predicted = pool.latest.mixed(design, history=question.history, rows=question.asked)
    served = as_served(predicted, pool.shift, pool.problem.target_min)
    return _answer(question, served, pool.baseline, pool.calibration)


def baseline_answer(frame: pd.DataFrame, problem: Problem, origin: Timestamp | None) -> Answer:
    """Let the baseline answer, from the history alone."""
    question = ask(frame, problem, {}, origin)
    fitted = _fit_baseline(question)
    return _answer(question, None, fitted, _backtest(question, fitted))


def constant_answer(frame: pd.DataFrame, problem: Problem, origin: Timestamp | None) -> Answer:
    """Answer with the mean of what is known, whatever else is wrong with the rows (a calendar off its grid, say).

    Of classes the frequencies answer.
    """
    if problem.is_classification:
        return _frequent_classes(frame, problem)
    target = pd.to_numeric(frame[problem.target], errors="coerce").to_numpy(dtype=np.float64)
    is_asked = np.isnan(target)
    steps = np.ones(int(is_asked.sum()), dtype=np.intp)
    if problem.is_forecasting and problem.frequency is not None:
        latest, timestamps = _origin(frame, problem) if origin is None else origin, _timestamps(frame, problem)
        is_asked &= timestamps.to_numpy() > latest
        steps = _steps_if_told(latest, timestamps[is_asked], problem.frequency)
    known = target[np.isfinite(target) & ~beyond_scale(target)]
    lowest = problem.target_min if problem.target_min is not None else 0.0
    n_asked = int(is_asked.sum())
    values = np.full(n_asked, float(known.mean()) if len(known) else lowest)
    return Answer(np.flatnonzero(is_asked), steps, values, values, no_bounds(problem, n_asked))


def _steps_if_told(latest: Timestamp, timestamps: pd.Series, frequency: Frequency) -> IntArray:
    """Return how many periods each row lies after the origin; 1 of all where timestamps and frequency do not fit."""
    unknown = np.ones(len(timestamps), dtype=np.intp)
    try:
        steps = steps_after(latest, timestamps, frequency)
    except (TypeError, ValueError, OverflowError):
        return unknown
    return steps if (steps <= np.iinfo(np.int32).max).all() else unknown


def _fit_baseline(question: Question) -> Fitted:
    candidate = CANDIDATES[BASELINES[question.samples.problem.task]]
    design = _plain(question)
    return candidate.fit(design, question.history, columns=(), hyperparameters=candidate.defaults(design), seed=0)


def _plain(question: Question) -> Design:
    return Design(question.samples, pd.DataFrame(index=question.samples.frame.index))


def _backtest(question: Question, fitted: Fitted) -> Calibration | None:
    """Calibrate the baseline on the last horizons of the history; None if that is too short."""
    problem, samples, history = question.samples.problem, question.samples, question.history
    if not problem.is_forecasting or question.origin is None or problem.frequency is None or not len(history):
        return None
    age = -steps_after(question.origin, samples.timestamps.iloc[history], problem.frequency)
    parts = []
    for window in range(BACKTEST_WINDOWS):
        earlier, judged = history[age >= (window + 1) * problem.horizon], age // problem.horizon == window
        if len(earlier) and judged.any():
            predicted = clip(fitted.predict(_plain(question), earlier, history[judged]), problem.target_min)
            ahead = (window + 1) * problem.horizon - age[judged]
            number = np.full(len(ahead), window, dtype=np.intp)
            parts.append(
                Residuals(
                    values=samples.y[history[judged]] - predicted,
                    predicted=predicted,
                    steps=ahead,
                    windows=number,
                    scenarios=np.zeros_like(number),
                    ages=number,
                    spread=np.zeros_like(predicted),
                )
            )
    if sum(len(one.values) for one in parts) < MIN_BASELINE_RESIDUALS:
        return None
    return calibrate(Residuals.concatenated(parts), problem.levels)


def _require_history(question: Question) -> None:
    problem = question.samples.problem
    if not problem.is_forecasting:
        return
    needed, n_known = season_of(problem), question.samples.timestamps.iloc[question.history].nunique()
    if n_known < needed:
        raise ModelError(f"too little history: {n_known} known periods, one season is {needed}")


def _require_horizon(question: Question) -> None:
    problem, furthest = question.samples.problem, question.steps.max(initial=0)
    if problem.is_forecasting and furthest > problem.horizon:
        raise ModelError(f"{furthest} steps ahead are asked for, the model was fitted for {problem.horizon}")


def _answer(
    question: Question, predicted: Mixed | None, baseline: Fitted, calibration: AnyCalibration | None
) -> Answer:
    problem = question.samples.problem
    plain = clip(baseline.predict(_plain(question), question.history, question.asked), problem.target_min)
    values, spread = (plain, np.zeros_like(plain)) if predicted is None else predicted
    if not np.isfinite(values).all():
        raise ModelError(f"{(~np.isfinite(values)).sum()} of {len(values)} predictions are not finite")
    if problem.is_classification:
        classes, row = question.samples.classes, question.row
        return class_answer(row, values, plain, classes=classes, problem=problem, calibration=calibration)
    bounds = (
        calibration.bounds(values, question.steps, problem.target_min, spread=spread)
        if isinstance(calibration, Calibration)
        else no_bounds(problem, len(values))
    )
    return Answer(question.row, question.steps, values, plain, bounds)


def class_answer(
    row: IntArray,
    predicted: FloatArray,
    plain: FloatArray,
    *,
    classes: tuple[str, ...],
    problem: Problem,
    calibration: AnyCalibration | None = None,
) -> Answer:
    """Calibrate probabilities where there is a calibration, and decide for classes.

    Args:
        row: positions in the frame that came in, shape (n_asked,).
        predicted: probabilities, shape (n_asked, n_classes).
        plain: the baseline's.
        classes: labels of the classes.
        problem: the use case.
        calibration: of the probabilities; None: they stay, and costs alone decide.
    """
    costs = class_costs(problem, classes)
    plainly = decide(plain, costs)
    steps = np.ones(len(row), dtype=np.intp)
    if not isinstance(calibration, ClassCalibration):
        return Answer(row, steps, predicted, plain, {}, classes, decide(predicted, costs), plainly)
    values = calibration.calibrated(predicted)
    return Answer(row, steps, values, plain, {}, classes, calibration.decided(values), plainly)


def _frequent_classes(frame: pd.DataFrame, problem: Problem) -> Answer:
    target = frame[problem.target]
    classes = classes_of(target)
    row = np.flatnonzero(target.isna())
    known = class_codes(target.dropna(), classes).astype(np.intp)
    counts = np.bincount(known, minlength=len(classes)).astype(np.float64)
    shares = np.repeat([counts / max(len(known), 1)], len(row), axis=0)
    return class_answer(row, shares, shares, classes=classes, problem=problem)


def with_levels(answer: Answer, problem: Problem) -> tuple[Answer, list[float]]:
    """Return the answer with the intervals that the problem asks for, and the levels that it has none for."""
    bounds = no_bounds(problem, len(answer.predicted))
    missing = [level for level in problem.levels if interval_names(level)[0] not in answer.bounds]
    found = {name: answer.bounds.get(name, unknown) for name, unknown in bounds.items()}
    return replace(answer, bounds=found), missing


def no_bounds(problem: Problem, n_rows: int) -> dict[str, FloatArray]:
    """Return the interval columns, all NaN."""
    return {name: np.full(n_rows, np.nan) for level in problem.levels for name in interval_names(level)}
