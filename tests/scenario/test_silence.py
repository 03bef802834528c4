"""Series that have fallen silent: what is expected of them, worked out by hand, and what must not be touched."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.scenario.panels import HORIZON, QUICK, demand_frame, demand_problem, with_future

from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.columns import kinds_of
from distributed_automl.scenario.design import Samples
from distributed_automl.scenario.fit import fit_scenario
from distributed_automl.scenario.predict import predict_scenario
from distributed_automl.scenario.silence import EVEN_ODDS, STEEPNESS, ends_of, even_odds, left_of_demand

N_USUAL = 40
LAST = pd.Timestamp("2024-12-20")
"""A Friday, the second period that is asked for."""


def _samples(*series: list[float], **changes: Any) -> Samples:
    """Series of one scenario, followed by two periods that are asked for."""
    settings: dict[str, Any] = {"known_in_advance": (), "static": (), "series_keys": ("item",)}
    problem = demand_problem(**settings | changes)
    frames = [
        pd.DataFrame(
            {
                "store_id": "1",
                "item": str(number),
                "date": pd.date_range(end=LAST, periods=len(values) + 2, freq=str(problem.frequency)),
                "units": [*values, np.nan, np.nan],
            }
        )
        for number, values in enumerate(series)
    ]
    frame = pd.concat(frames)
    return canonical(frame, problem, kinds_of(frame, problem))


def _left(*series: list[float], **changes: Any) -> list[float]:
    """What is left of each series' demand in the first period that is asked for."""
    samples = _samples(*series, **changes)
    asked = np.flatnonzero(samples.timestamps == LAST)
    return left_of_demand(samples, np.flatnonzero(np.isfinite(samples.y)), asked).tolist()


def _share(excess: int, even: float) -> float:
    return 1.0 / (1.0 + math.exp(STEEPNESS * (excess - even)))


USUAL = [5.0] * N_USUAL
WITH_A_GAP = [5.0] * 20 + [0.0] + [5.0] * 20


def test_when_a_series_stands_still_for_longer_than_ever_then_ever_less_is_left() -> None:
    found = _left(USUAL, [*USUAL, 0.0], [*USUAL, 0.0, 0.0, 0.0], [*USUAL, *[0.0] * 6])
    assert found == pytest.approx([1.0, _share(1, EVEN_ODDS["day"]), 0.5, _share(6, EVEN_ODDS["day"])])
    assert found[1] > 0.95
    assert found[3] < 0.01


def test_when_it_stood_still_before_then_only_what_is_longer_counts() -> None:
    assert _left([*WITH_A_GAP, 0.0]) == [1.0]
    assert _left([*WITH_A_GAP, 0.0, 0.0]) == pytest.approx([_share(1, EVEN_ODDS["day"])])


def test_when_periods_are_weeks_then_fewer_of_them_say_as_much() -> None:
    assert _left([*USUAL, 0.0, 0.0], frequency="W-FRI") == pytest.approx([_share(2, EVEN_ODDS["longer"])])


@pytest.mark.parametrize(
    "values",
    [
        [0.0] * 12 + USUAL,  # silent before it began
        [5.0, 5.0, 5.0, 0.0, 5.0] * 8 + [0.0] * 3,  # a fifth of zeros
        [5.0] * 11 + [0.0] * 2,  # short: 8 + 2 * 2 periods are asked for
        [-5.0, *USUAL, 0.0, 0.0, 0.0],  # zero is a value like others
        [0.0] * 50,
    ],
)
def test_when_nothing_is_unusual_or_too_little_is_known_then_nothing_is_taken(values: list[float]) -> None:
    assert _left(values) == [1.0]


@pytest.mark.parametrize("n_usual", [20, 21, 40])
def test_when_a_store_stays_closed_then_it_is_never_forecast_as_open_again(n_usual: int) -> None:
    found = _left(*([5.0] * n_usual + [0.0] * n for n in range(6, 60, 3)))
    assert max(found) < 0.01


def test_when_one_series_can_be_negative_then_the_others_are_told_all_the_same() -> None:
    assert _left([-1.0, *USUAL, 0.0, 0.0, 0.0], [*USUAL, 0.0, 0.0, 0.0]) == pytest.approx([1.0, 0.5])


def test_when_it_was_silent_before_its_first_demand_then_that_does_not_excuse_a_later_silence() -> None:
    assert _left([0.0] * 12 + [*USUAL, 0.0, 0.0, 0.0]) == pytest.approx([0.5])


def test_when_periods_are_unknown_then_they_are_passed_over() -> None:
    values = [*USUAL, 0.0, math.nan, 0.0, 0.0]
    assert _left(values, missing_rows="null") == pytest.approx([0.5])


def test_when_a_history_is_given_then_nothing_after_it_is_looked_at() -> None:
    samples = _samples([*USUAL, 0.0, 0.0, 0.0, 0.0, 0.0])
    history = np.arange(N_USUAL + 3)
    assert left_of_demand(samples, history, np.array([N_USUAL + 3])) == pytest.approx([0.5])
    assert left_of_demand(samples, history[:N_USUAL], np.array([N_USUAL + 3])).tolist() == [1.0]
    assert left_of_demand(samples, history[:0], np.array([3])).tolist() == [1.0]


def test_when_series_end_differently_then_each_is_told_by_itself() -> None:
    samples = _samples([*WITH_A_GAP, 0.0, 0.0], USUAL, [0.0] * 50)
    known = np.where(np.isfinite(samples.y), samples.y, np.nan)
    ends = ends_of(samples, known)
    assert len(ends.series) == 2  # the third never sold anything
    assert (ends.n_zeros.tolist(), ends.longest.tolist()) == ([2, 0], [1, 0])
    assert (ends.n_before.tolist(), ends.zeros_before.tolist()) == ([len(WITH_A_GAP), N_USUAL], [1, 0])
    assert ends.lowest.tolist() == [0.0, 5.0]


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        ("D", 3.0),
        ("B", 3.0),
        ("W-SAT", 1.75),
        ("2D", 1.75),
        ("MS", 1.75),
        ("C", 3.0),
        ("h", None),
        ("12h", None),
        ("bh", None),
        (1, None),
    ],
)
def test_when_the_frequency_is_given_then_it_says_whether_a_silence_tells_anything(
    frequency: str | int, expected: float | None
) -> None:
    assert even_odds(demand_problem(frequency=frequency)) == expected


def test_when_a_store_closed_a_few_days_ago_then_it_is_not_forecast_as_if_it_were_open() -> None:
    frame = demand_frame(n_days=150)
    closed = frame.assign(units=frame["units"].where(frame.index < len(frame) - 6, 0.0))
    problem = demand_problem()
    forecasts = []
    for rows in (frame, closed):
        fit = fit_scenario(rows, problem, QUICK.model_copy(update={"candidates": ("ridge", "lightgbm")}))
        forecasts.append(predict_scenario(with_future(rows), fit.model)["predicted_value"].sum())
    assert forecasts[0] > 10.0 * HORIZON
    assert forecasts[1] < 0.05 * forecasts[0]
