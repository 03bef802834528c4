from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from distributed_automl.parameters import Costs, Ensemble
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.ensemble import (
    alone,
    at_quantile,
    best_mixture,
    cross_voted,
    n_rounds_of,
    plausible,
    reweighted,
    vote,
)
from distributed_automl.scenario.fit import winning_mixture
from distributed_automl.scenario.members import weighted_mean
from distributed_automl.scenario.scorer import Scorer
from distributed_automl.scenario.tuning import Tuned

Y_TRUE = np.array([10.0, 10.0, 10.0, 10.0])


def folds_of(y_true: FloatArray) -> list[Any]:
    """One fold of which only the actuals matter."""
    samples = SimpleNamespace(
        y=y_true, problem=SimpleNamespace(task="regression", is_classification=False, target_min=0.0)
    )
    return [
        SimpleNamespace(design=SimpleNamespace(samples=samples), split=SimpleNamespace(valid=np.arange(len(y_true))))
    ]


FOLDS = folds_of(Y_TRUE)
SCORER = Scorer("mae", Costs(), 1.0)


def tuned(name: str, predicted: list[float], *, first_votes: int = 1) -> Tuned:
    values = np.array(predicted)
    candidate: Any = SimpleNamespace(name=name, first_votes=lambda task: first_votes)
    gain = SCORER.gain(FOLDS, values)
    return Tuned(candidate, {}, values, gain, gain, 1, 0.0)


def test_when_errors_cancel_then_the_ensemble_wins_with_equal_weights() -> None:
    mixture = best_mixture([tuned("low", [8.0] * 4), tuned("high", [12.0] * 4)], FOLDS, SCORER, Ensemble())
    assert mixture.name == "ensemble"
    assert mixture.weights == (0.5, 0.5)
    assert mixture.gain == 0.0
    assert mixture.predicted.tolist() == Y_TRUE.tolist()


def test_when_rounds_are_voted_then_they_add_to_every_members_first_vote() -> None:
    members = [tuned("near", [9.0] * 4), tuned("far", [14.0] * 4)]
    mixture = best_mixture(members, FOLDS, SCORER, Ensemble(tolerance=1.0, n_rounds=3))
    assert plausible(members, Ensemble(tolerance=1.0)) == members[:1]
    assert mixture.weights == (1.0,)
    voted = vote(members, FOLDS, SCORER, n_rounds=3)
    assert voted.weights == (0.8, 0.2)
    assert voted.gain == pytest.approx(0.0)


def test_when_there_are_no_rounds_then_the_weights_are_equal() -> None:
    members = [tuned("near", [9.0] * 4), tuned("far", [14.0] * 4)]
    assert vote(members, FOLDS, SCORER, n_rounds=0).weights == (0.5, 0.5)


def test_when_a_candidate_has_more_first_votes_then_it_weighs_more_and_rounds_add_to_them() -> None:
    members = [tuned("pooled", [9.0] * 4, first_votes=6), tuned("own", [13.0] * 4)]
    assert vote(members, FOLDS, SCORER, n_rounds=0).weights == (6 / 7, 1 / 7)
    assert vote(members, FOLDS, SCORER, n_rounds=1).weights == (6 / 8, 2 / 8)


def test_when_rounds_are_not_given_then_a_forecast_has_fewer_than_a_table() -> None:
    samples = SimpleNamespace(problem=SimpleNamespace(task="forecasting"))
    forecast: Any = [SimpleNamespace(design=SimpleNamespace(samples=samples))]
    assert n_rounds_of(Ensemble(), forecast) < n_rounds_of(Ensemble(), FOLDS)
    assert n_rounds_of(Ensemble(n_rounds=0), FOLDS) == 0


def test_when_one_candidate_is_clearly_better_than_the_mix_then_it_stands_alone() -> None:
    members = [tuned("good", [10.5] * 4), tuned("bad", [10.6] * 4)]
    alone = best_mixture(members, FOLDS, SCORER, Ensemble(single_margin=0.01))
    mixed = best_mixture(members, FOLDS, SCORER, Ensemble(single_margin=0.05))
    assert (alone.name, alone.weights) == ("good", (1.0,))
    assert mixed.name == "ensemble"
    assert mixed.gain < alone.gain


def test_when_a_candidate_is_better_for_one_fold_alone_then_the_mix_ships() -> None:
    folds = [*folds_of(Y_TRUE), *folds_of(Y_TRUE)]
    members = [judged("lucky", [10.0] * 4 + [10.6] * 4, folds), judged("steady", [10.5] * 8, folds)]
    mixed = best_mixture(members, folds, SCORER, Ensemble(tolerance=1.0, n_rounds=0))
    assert members[0].gain > 0.95 * mixed.gain
    assert mixed.name == "ensemble"
    better = judged("better", [10.3] * 8, folds)
    assert best_mixture([better, members[1]], folds, SCORER, Ensemble(tolerance=1.0, n_rounds=0)).name == "better"


def test_when_the_baseline_is_better_on_every_fold_then_it_ships_and_not_for_one_fold_alone() -> None:
    arena: Any = SimpleNamespace(folds=[*folds_of(Y_TRUE), *folds_of(Y_TRUE)], scorer=SCORER)
    best = judged("best", [10.5] * 8, arena.folds)
    lucky = judged("baseline", [10.0] * 4 + [10.6] * 4, arena.folds)
    assert lucky.gain > best.gain
    assert winning_mixture([best], lucky, arena, Ensemble()).name == "best"
    equal = judged("baseline", [9.5] * 8, arena.folds)
    assert winning_mixture([best], equal, arena, Ensemble()).name == "baseline"


def judged(name: str, predicted: list[float], folds: list[Any]) -> Tuned:
    """A candidate as judged on some folds."""
    values = np.array(predicted)
    return replace(tuned(name, [0.0] * 4), predicted=values, gain=SCORER.gain(folds, values))


def test_when_a_candidate_is_much_worse_than_the_best_then_it_stays_out() -> None:
    members = [tuned("a", [8.0] * 4), tuned("b", [12.4] * 4), tuned("c", [12.6] * 4)]
    assert [one.candidate.name for one in plausible(members, Ensemble(tolerance=0.25))] == ["a", "b"]


def test_when_the_cap_is_two_then_the_two_best_are_mixed() -> None:
    members = [tuned("a", [8.0] * 4), tuned("b", [12.1] * 4), tuned("c", [12.2] * 4)]
    mixture = best_mixture(members, FOLDS, SCORER, Ensemble(max_members=2))
    assert [one.candidate.name for one in mixture.members] == ["a", "b"]


def test_when_the_holdout_is_known_then_the_members_are_weighted_anew() -> None:
    winner = best_mixture([tuned("low", [8.0] * 4), tuned("high", [12.0] * 4)], FOLDS, SCORER, Ensemble())
    held_out = [np.full(4, 10.0), np.full(4, 30.0)]
    arena: Any = SimpleNamespace(judged=[*FOLDS, *FOLDS], scorer=SCORER)
    shipped = reweighted(winner, held_out, arena, Ensemble(n_rounds=2))
    assert winner.weights == (0.5, 0.5)
    assert shipped.weights == (0.75, 0.25)
    assert len(shipped.predicted) == 8
    assert shipped.members == winner.members


def sized(name: str, predicted: float, *, n_kb: int = 0, steps: int = 0) -> Tuned:
    return replace(tuned(name, [predicted] * 4), n_bytes=1_000 * n_kb, steps_per_row=steps)


def test_when_members_would_be_too_large_together_then_a_smaller_one_joins_in_place_of_a_larger() -> None:
    members = [sized("best", 9.0, n_kb=50), sized("large", 11.1, n_kb=51), sized("small", 11.2, n_kb=50)]
    names = [one.candidate.name for one in plausible(members, Ensemble(max_kb=100))]
    assert names == ["best", "small"]
    assert plausible(members, Ensemble(max_kb=101)) == members[:2]
    assert plausible(members, Ensemble(max_kb=1)) == members[:1]  # the best one ships, whatever its size


def test_when_members_would_be_too_slow_together_then_the_caps_count_their_steps() -> None:
    members = [sized("best", 9.0, steps=300), sized("slow", 11.1, steps=800), sized("fast", 11.2, steps=700)]
    assert plausible(members, Ensemble(max_steps=1_000)) == [members[0], members[2]]
    assert plausible(members, Ensemble(max_steps=1_800)) == members
    assert plausible(members, Ensemble(max_steps=1_800, max_members=2)) == members[:2]


def test_when_ensembles_are_off_then_the_best_candidate_wins() -> None:
    members = [tuned("low", [8.0] * 4), tuned("high", [11.5] * 4)]
    mixture = best_mixture(members, FOLDS, SCORER, Ensemble(enabled=False))
    assert mixture.name == "high"


def test_when_predictions_are_mixed_then_the_mean_is_weighted() -> None:
    mixed = weighted_mean([np.array([1.0, 2.0]), np.array([3.0, 6.0])], [0.25, 0.75])
    assert mixed.tolist() == [2.5, 5.0]


# Shifted to the quantile that the objective is best served by


MONEY = Scorer("total_cost", Costs(margin_per_unit=4.0, holding_per_unit=1.0))


def steady(n_folds: int, n_rows: int = 20) -> list[Any]:
    """Folds whose actuals are the numbers 1 to 20."""
    return [fold for _ in range(n_folds) for fold in folds_of(np.arange(1.0, n_rows + 1.0))]


def test_when_being_short_costs_more_then_the_mixture_is_shifted_to_the_quantile() -> None:
    folds = steady(2)
    mixture = at_quantile(alone(tuned_on(folds, [10.0] * 40)), folds, MONEY)
    assert mixture.shift is not None
    assert mixture.mixed([np.full(3, 10.0)], 0.0).mean.tolist() == pytest.approx([16.0] * 3)  # 80% are not above 16
    assert mixture.predicted.tolist() == pytest.approx([16.0] * 40)


def test_when_a_shift_does_not_help_on_other_folds_then_there_is_none() -> None:
    folds = [*folds_of(np.full(20, 10.0)), *folds_of(np.full(20, 30.0))]
    mixture = alone(tuned_on(folds, [20.0] * 20 + [30.0] * 20))
    assert at_quantile(mixture, folds, MONEY) is mixture


def test_when_the_objective_names_no_quantile_then_the_mixture_stays_as_it_is() -> None:
    mixture = alone(tuned("one", [8.0] * 4))
    assert at_quantile(mixture, FOLDS, SCORER) is mixture


def test_when_a_shift_leads_below_the_least_value_then_it_is_clipped() -> None:
    folds = folds_of(np.array([0.0, 0.0, 0.0, 0.0, 9.0]))
    over = Scorer("total_cost", Costs(margin_per_unit=1.0, holding_per_unit=4.0))
    mixture = at_quantile(alone(tuned_on(folds, [5.0, 6.0, 5.0, 6.0, 5.0])), folds, over)
    assert mixture.predicted.min() == 0.0


def test_when_candidates_compete_for_money_then_each_is_judged_after_its_own_shift() -> None:
    folds, rows = steady(1), np.arange(1.0, 21.0)
    far_but_sure, near_but_vague = MONEY.gain(folds, rows - 9.0), MONEY.gain(folds, np.full(20, 16.0))
    assert far_but_sure == pytest.approx(0.0)
    assert near_but_vague == MONEY.gain_as_is(folds, np.full(20, 16.0)) < far_but_sure


def tuned_on(folds: list[Any], predicted: list[float]) -> Tuned:
    candidate: Any = SimpleNamespace(name="one")
    gain = MONEY.gain(folds, np.array(predicted))
    return Tuned(candidate, {}, np.array(predicted), gain, gain, 1, 0.0)


def test_when_weights_are_voted_across_folds_then_no_fold_votes_for_itself() -> None:
    # "early" is right in the first fold and "late" in the second: each is heavier where the other one is right
    folds = [*folds_of(np.full(2, 10.0)), *folds_of(np.full(2, 10.0))]
    members = [tuned("early", [10.0, 10.0, 14.0, 14.0]), tuned("late", [14.0, 14.0, 10.0, 10.0])]
    honest = cross_voted(members, folds, SCORER, n_rounds=2)
    assert honest.mean.tolist() == pytest.approx([13.0, 13.0, 13.0, 13.0])  # three votes of four for the wrong one
    assert honest.spread.tolist() == pytest.approx([1.5] * 4)  # a quarter lies 3 away, the rest 1
    only = cross_voted(members[:1], folds, SCORER, n_rounds=2)
    assert (only.mean.tolist(), only.spread.tolist()) == ([10.0, 10.0, 14.0, 14.0], [0.0] * 4)


def test_when_there_is_a_single_fold_then_members_have_equal_votes_in_it() -> None:
    members = [tuned("near", [9.0] * 4), tuned("far", [14.0] * 4)]
    found = cross_voted(members, FOLDS, SCORER, n_rounds=3)
    assert (found.mean.tolist(), found.spread.tolist()) == ([11.5] * 4, [2.5] * 4)
