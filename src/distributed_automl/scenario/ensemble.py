"""An ensemble by votes over out-of-fold predictions: greedy selection, shrunk to equal weights.

With a few dozen out-of-fold rows greedy selection alone follows their noise. So every good candidate has one vote to
begin with, and the greedy rounds only add to that. The rounds are those of Caruana et al., "Ensemble selection from
libraries of models" (ICML 2004, section 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from distributed_automl.parameters import Ensemble
from distributed_automl.scenario.design import FloatArray
from distributed_automl.scenario.folds import Arena, Fold, Scorer
from distributed_automl.scenario.members import weighted_mean
from distributed_automl.scenario.tuning import Tuned


@dataclass(frozen=True)
class Mixture:
    """A weighted mean of tuned candidates; one member is a single model.

    Attributes:
        members: with a weight above zero.
        weights: shape (n_members,), they sum to one.
        predicted: out-of-fold predictions of the mixture.
        gain: its objective over all folds, greater is better.
    """

    members: tuple[Tuned, ...]
    weights: tuple[float, ...]
    predicted: FloatArray
    gain: float

    @property
    def name(self) -> str:
        """The single member's name, or "ensemble"."""
        return self.members[0].candidate.name if len(self.members) == 1 else "ensemble"


def best_mixture(tuned: Sequence[Tuned], folds: Sequence[Fold], scorer: Scorer, ensemble: Ensemble) -> Mixture:
    """Return the ensemble, or the best single candidate where that is clearly better on the folds.

    The best of several candidates looks better on the folds than it is, because it was picked there; their mean does
    not. So the single one must be better by a margin.

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
    mixture = vote(members, folds, scorer, ensemble.n_rounds)
    return single if single.gain > mixture.gain + ensemble.single_margin * abs(mixture.gain) else mixture


def alone(one: Tuned) -> Mixture:
    """Return the mixture that is one candidate."""
    return Mixture((one,), (1.0,), one.predicted, one.gain)


def plausible(tuned: Sequence[Tuned], ensemble: Ensemble) -> list[Tuned]:
    """Return the best candidates, best first: not more than the cap, none much worse than the very best."""
    ranked = sorted(tuned, key=lambda one: -one.gain)
    worst = ranked[0].gain - ensemble.tolerance * abs(ranked[0].gain)
    return [one for one in ranked if one.gain >= worst][: ensemble.max_members]


def vote(members: Sequence[Tuned], folds: Sequence[Fold], scorer: Scorer, n_rounds: int) -> Mixture:
    """Give every member a vote, then one more in each round to whoever improves the mean most."""
    votes = [1] * len(members)
    total = weighted_mean([one.predicted for one in members], votes)
    for n_votes in range(len(members) + 1, len(members) + n_rounds + 1):
        gains = [scorer.gain(folds, (total + one.predicted) / n_votes) for one in members]
        pick = int(np.argmax(gains))
        votes[pick] += 1
        total = total + members[pick].predicted
    weights = tuple(count / sum(votes) for count in votes)
    predicted = weighted_mean([one.predicted for one in members], weights)
    return Mixture(tuple(members), weights, predicted, scorer.gain(folds, predicted))


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
    mixture = vote(extended, arena.judged, arena.scorer, ensemble.n_rounds)
    return replace(mixture, members=winner.members)
