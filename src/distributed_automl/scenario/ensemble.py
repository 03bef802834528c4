"""An ensemble by votes over out-of-fold predictions: greedy selection, shrunk to equal weights.

With a few dozen out-of-fold rows greedy selection alone follows their noise. So every good candidate has a vote to
begin with, the pool's committee several, and the greedy rounds only add to that. The rounds are those of Caruana et
al., "Ensemble selection from libraries of models" (ICML 2004, section 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from distributed_automl.parameters import Ensemble
from distributed_automl.scenario.arena import Arena
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.folds import Fold, actuals, places_of
from distributed_automl.scenario.members import Mixed, as_served, clip, mixture_of, weighted_mean
from distributed_automl.scenario.scorer import Scorer
from distributed_automl.scenario.shift import Shift, cross_shifted, learn_shift
from distributed_automl.scenario.tuning import Tuned

USUAL_ROUNDS = {"forecasting": 3, "regression": 6, "classification": 6}
"""Task -> greedy rounds where `ensemble.n_rounds` is null: a forecast's folds are few windows, a table's many rows."""


@dataclass(frozen=True)
class Mixture:
    """A weighted mean of tuned candidates; one member is a single model.

    Attributes:
        members: with a weight above zero.
        weights: shape (n_members,), they sum to one.
        out_of_fold: predictions of the mixture, shifted if it is, and how far its members lie apart.
        gain: its objective over all folds, greater is better.
        shift: from the members' mean to the quantile that the objective is best served by; None: nothing is shifted.
    """

    members: tuple[Tuned, ...]
    weights: tuple[float, ...]
    out_of_fold: Mixed
    gain: float
    shift: Shift | None = None

    @property
    def predicted(self) -> FloatArray:
        """Its out-of-fold predictions."""
        return self.out_of_fold.mean

    @property
    def spread(self) -> FloatArray:
        """How far its members lie apart out of fold."""
        return self.out_of_fold.spread

    def mixed(self, predictions: Sequence[FloatArray], lower: float | None) -> Mixed:
        """Return the mixture of what the members predict, shifted if it is, and then not below `lower`."""
        return as_served(mixture_of(predictions, self.weights), self.shift, lower)

    @property
    def name(self) -> str:
        """The single member's name, or "ensemble"."""
        return self.members[0].candidate.name if len(self.members) == 1 else "ensemble"


def best_mixture(tuned: Sequence[Tuned], folds: Sequence[Fold], scorer: Scorer, ensemble: Ensemble) -> Mixture:
    """Return the ensemble, or the best single candidate where that is clearly better on the folds.

    The best of several candidates looks better on the folds than it is, because it was picked there; their mean does
    not. So the single one must be better by a margin, and not only by what one fold says.

    Args:
        tuned: at least one candidate.
        folds: where they were judged.
        scorer: the objective.
        ensemble: whether to mix at all, and how far.
    """
    single = alone(max(tuned, key=lambda one: one.gain))
    members = plausible(tuned, ensemble)
    if not ensemble.enabled or len(members) == 1:
        return single
    mixture = vote(members, folds, scorer, n_rounds_of(ensemble, folds))
    is_better = single.gain > mixture.gain + ensemble.single_margin * abs(mixture.gain)
    return single if is_better and on_every_fold(single, mixture, folds, scorer) else mixture


def on_every_fold(one: Tuned | Mixture, other: Tuned | Mixture, folds: Sequence[Fold], scorer: Scorer) -> bool:
    """Return whether one is at least as good as another on each fold that says anything of them."""
    pairs = [
        [scorer.gain([fold], rival.predicted[place]) for rival in (one, other)]
        for fold, place in zip(folds, places_of(folds), strict=True)
    ]
    return all(not mine < theirs for mine, theirs in pairs)


def alone(one: Tuned) -> Mixture:
    """Return the mixture that is one candidate."""
    return Mixture((one,), (1.0,), mixture_of([one.predicted], (1.0,)), one.gain)


def plausible(tuned: Sequence[Tuned], ensemble: Ensemble) -> list[Tuned]:
    """Return the best candidates, best first: none much worse than the very best, and all together within the caps.

    The very best is always among them. One that would be too much is passed over; a smaller one after it may join.
    """
    ranked = sorted(tuned, key=lambda one: -one.gain)
    worst = ranked[0].gain - ensemble.tolerance * abs(ranked[0].gain)
    members = ranked[:1]
    for one in ranked[1:]:
        if one.gain >= worst and within_caps([*members, one], ensemble):
            members.append(one)
    return members


def within_caps(members: Sequence[Tuned], ensemble: Ensemble) -> bool:
    """Return whether members are not too many, too large or too slow together; none of it is measured by the clock."""
    n_bytes, steps = sum(one.n_bytes for one in members), sum(one.steps_per_row for one in members)
    return len(members) <= ensemble.max_members and n_bytes <= 1_000 * ensemble.max_kb and steps <= ensemble.max_steps


def n_rounds_of(ensemble: Ensemble, folds: Sequence[Fold]) -> int:
    """Return the greedy rounds: as asked for, or the usual ones of the task."""
    task = folds[0].design.samples.problem.task
    return USUAL_ROUNDS[task] if ensemble.n_rounds is None else ensemble.n_rounds


def vote(members: Sequence[Tuned], folds: Sequence[Fold], scorer: Scorer, n_rounds: int) -> Mixture:
    """Give every member its first votes, then one more in each round to whoever improves the mean most."""
    task = folds[0].design.samples.problem.task
    votes = [one.candidate.first_votes(task) for one in members]
    total = weighted_mean([one.predicted for one in members], votes)
    for n_votes in range(sum(votes) + 1, sum(votes) + n_rounds + 1):
        gains = [scorer.gain(folds, (total + one.predicted) / n_votes) for one in members]
        pick = int(np.argmax(gains))
        votes[pick] += 1
        total = total + members[pick].predicted
    weights = tuple(count / sum(votes) for count in votes)
    out_of_fold = mixture_of([one.predicted for one in members], weights)
    return Mixture(tuple(members), weights, out_of_fold, scorer.gain(folds, out_of_fold.mean))


def reweighted(winner: Mixture, held_out: Sequence[FloatArray], arena: Arena, ensemble: Ensemble) -> Mixture:
    """Vote again among a winner's members when the holdout's outcome is known, for the model that ships.

    Args:
        winner: chosen on the folds and scored on the holdout.
        held_out: each member's predictions of the holdout, in the order of the members.
        arena: the folds and the holdout.
        ensemble: the rounds.
    """
    extended = [
        replace(one, predicted=np.concatenate([one.predicted, predicted]))
        for one, predicted in zip(winner.members, held_out, strict=True)
    ]
    n_rounds = n_rounds_of(ensemble, arena.judged)
    mixture = vote(extended, arena.judged, arena.scorer, n_rounds)
    out_of_fold = cross_voted(extended, arena.judged, arena.scorer, n_rounds)
    return replace(mixture, members=winner.members, out_of_fold=out_of_fold)


def cross_voted(members: Sequence[Tuned], folds: Sequence[Fold], scorer: Scorer, n_rounds: int) -> Mixed:
    """Return out-of-fold predictions of mixtures whose votes each fold had no part in.

    Intervals calibrated on the residuals of weights that were chosen to make them small would be too narrow.
    """
    if len(members) == 1 or len(folds) == 1:
        return vote(members, folds, scorer, 0).out_of_fold
    parts = []
    for place, own in enumerate(places_of(folds)):
        others = [fold for number, fold in enumerate(folds) if number != place]
        voters = [replace(one, predicted=np.delete(one.predicted, own, axis=0)) for one in members]
        weights = vote(voters, others, scorer, n_rounds).weights
        parts.append(mixture_of([one.predicted[own] for one in members], weights))
    return Mixed(*(np.concatenate(of_folds) for of_folds in zip(*parts, strict=True)))


def at_quantile(mixture: Mixture, folds: Sequence[Fold], scorer: Scorer) -> Mixture:
    """Shift a mixture to the quantile that the objective is best served by, if there is one.

    Only where that is better on folds that the shift was not learned from. The out-of-fold predictions then are those
    of such shifts, so that intervals are calibrated on honest residuals.

    Args:
        mixture: whose out-of-fold predictions are those of `folds`, in their order.
        folds: where it was judged.
        scorer: the objective.
    """
    if scorer.quantile is None:
        return mixture
    y_true = actuals(folds)
    shifted = cross_shifted(y_true, mixture.predicted, scorer.quantile, places_of(folds))
    shifted = clip(shifted, folds[0].design.samples.problem.target_min)
    if scorer.gain_as_is(folds, shifted) <= scorer.gain_as_is(folds, mixture.predicted):
        return mixture
    shift = learn_shift(y_true, mixture.predicted, scorer.quantile)
    return replace(mixture, out_of_fold=Mixed(shifted, mixture.spread), shift=shift)
