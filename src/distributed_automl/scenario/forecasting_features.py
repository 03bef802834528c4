"""Which features a forecast learns from: the calendar, what is known in advance, and the past that it may see."""

import featuretools as ft

from distributed_automl.parameters import Problem, Synthesis
from distributed_automl.scenario.blocks import block_ends
from distributed_automl.scenario.calendar_features import calendar_features
from distributed_automl.scenario.design import Kinds
from distributed_automl.scenario.entityset import SAMPLES, empty_rows, entityset_of
from distributed_automl.scenario.features import Defined, names_under, renamed
from distributed_automl.scenario.known_features import given_columns, known_features
from distributed_automl.scenario.past_features import PastPlan, past_features


def forecasting_features(kinds: Kinds, problem: Problem, synthesis: Synthesis, season: int) -> Defined:
    """Define the features of a forecast's row at every gap of the plan.

    Columns whose future is known come first, derived features after them. What the cap leaves out is decided at the
    horizon's gap, and so is the same at every gap.

    Args:
        kinds: feature column -> kind.
        problem: the use case.
        synthesis: which lags and windows, and how many features.
        season: steps of the season; 1 is none.
    """
    entityset = entityset_of(empty_rows(kinds, problem), kinds, problem, {})
    base = {name: ft.Feature(entityset[SAMPLES].ww[name]) for name in entityset[SAMPLES].columns}
    raw = [base[name] for name in given_columns(kinds, problem)]
    calendar = list(calendar_features(base, problem, season))
    known = list(known_features(base, kinds, problem, synthesis))
    by_gap = {
        gap: past_features(base, kinds, PastPlan(problem, synthesis, season, gap))
        for gap in block_ends(problem.horizon, season, synthesis.n_blocks)
    }
    taken = {*kinds, *(feature.get_name() for feature in raw)}
    derived = [*calendar, *by_gap[problem.horizon], *known]
    names, dropped = names_under(synthesis.max_features, derived, taken)
    shared = [*raw, *renamed([*calendar, *known], names)]
    return Defined(shared, {gap: renamed(past, names) for gap, past in by_gap.items()}, dropped)
