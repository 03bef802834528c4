"""What candidates may learn from before features are voted for."""

import numpy as np
import pandas as pd
import pytest

from distributed_automl.parameters import AutoML, Problem, Selection
from distributed_automl.scenario.fit import definitions_of, scenario_arena

OF_THE_YEAR = {"day__week", "day__month", "day__year_sin_1", "day__epoch_days"}
OF_THE_WEEK = {"day__weekday", "day__day"}


def columns_of(n_days: int, **changes: object) -> dict[str, set[str]]:
    problem = Problem(scenario_keys=("k",), timestamp="day", frequency="D", target="y", horizon=7)
    day = np.arange(n_days)
    frame = pd.DataFrame({"k": "a", "day": pd.date_range("2021-03-01", periods=n_days), "y": day % 7 + day % 31 + 1.0})
    automl = AutoML(selection=Selection(methods=()))
    arena = scenario_arena(frame, problem, automl, definitions=definitions_of(frame, problem, automl))
    by_name = {fold.split.name: set(fold.selected.columns) for fold in arena.judged}
    return by_name | {"everything": set(arena.everything.selected.columns)}


def test_when_less_than_a_year_was_seen_then_nothing_is_learned_from_the_part_of_the_year() -> None:
    for columns in columns_of(360).values():
        assert not columns & OF_THE_YEAR
        assert columns >= OF_THE_WEEK


def test_when_more_than_a_year_was_seen_then_parts_of_the_year_count() -> None:
    for columns in columns_of(420).values():
        assert columns >= OF_THE_YEAR | OF_THE_WEEK


@pytest.mark.parametrize(("n_days", "expected"), [(4 * 7 + 364, False), (4 * 7 + 365, True)])
def test_when_the_oldest_fold_saw_a_year_then_every_split_learns_from_its_parts(n_days: int, expected: bool) -> None:
    for columns in columns_of(n_days).values():
        assert OF_THE_YEAR.issubset(columns) is expected
        assert OF_THE_YEAR.isdisjoint(columns) is not expected
