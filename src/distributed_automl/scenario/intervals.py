"""Prediction intervals from out-of-fold residuals: split conformal, with a scale for each prediction.

The scale grows with the prediction and the step and, where a pool finds it so, with how far a mixture's members differ.

Residuals (actual minus prediction) of rows that a model was not fitted on are divided by a scale, and an interval is
the prediction plus two quantiles of them, times the scale of the row. With n exchangeable residuals the k-th smallest,
k = ceil((n + 1) * q), covers a new one with a probability of at least q (Lei et al. 2018, "Distribution-free predictive
inference for regression", section 2.2; scaled residuals are in section 5.2). Each tail gets half of what the level
leaves out, since the errors of counts are skewed: a day cannot sell less than nothing.

The residuals of one forecast are not exchangeable with those of the next: a forecast that is too high on Monday is too
high on Tuesday. Four windows of 48 hours may tell no more than ten independent errors would, and their outer quantiles
are too narrow by far. So a scenario's own quantiles count by the number of independent residuals that its own are
worth, and the rest of the weight is a shape's, in units of the scenario's own mean absolute error: that of a pool of
similar scenarios, or Student's t with four degrees of freedom where there is none.

Nor are yesterday's residuals exchangeable with last year's. So residuals fade with age: a quantile is the least value
up to which the weights make up a share of q, the new residual's own weight among them (Barber et al. 2023, "Conformal
prediction beyond exchangeability", section 3). Without fading it is the k-th smallest of above.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from distributed_automl.scenario.design import FloatArray, IntArray
from distributed_automl.scenario.disagreement import doubt_of
from distributed_automl.scenario.error_scale import NEGLIGIBLE, error_scale, floor_of
from distributed_automl.tables import interval_names

MIN_GROUP_RESIDUALS = 100
"""Residuals that a group of steps has at least; below that one group serves all steps."""
MAX_GROUPS = 4
MIN_SCENARIOS = 8
"""Scenarios that a pool's shape is learned from at least."""
POOL_WORTH = 40.0
"""Independent residuals of its own at which a scenario's quantiles count as much as its pool's shape."""
STUDENT_WORTH = 10.0
"""The same where there is no pool."""
FADING = 0.7
"""Weight of a residual, relative to that of one a window later."""
USUAL_POWER = 0.5
"""The power of a prediction's size that an error grows with where no pool knows better: as a Poisson count's does."""
POWERS = (USUAL_POWER, 0.0, 1.0)
"""What a pool chooses from; at 0 errors do not grow with the prediction, at 1 they grow in proportion to it."""
SPREAD_POWERS = (0.0, 0.25, 0.5)
"""What a pool chooses from in the same way for how far the members lie apart; at 0 errors do not grow with it."""
CLEARLY = 0.005
"""Log-likelihood of a residual by which another power must be likelier than the usual one."""
STEPS_AROUND = 2
"""Steps before and after a step whose errors say, in a pool, how large its errors are."""


@dataclass(frozen=True)
class Residuals:
    """Out-of-fold residuals, with what they may depend on; each array has shape (n,).

    Attributes:
        values: actual minus prediction of rows that the model was not fitted on; NaN is left out.
        predicted: prediction of the same rows.
        steps: periods after the origin; all equal in tabular tasks.
        windows: residuals with the same number were made by one forecast; all different in tabular tasks.
        scenarios: number of the scenario; all equal unless a pool is calibrated.
        ages: windows between a residual's own and the latest, which has 0; all 0 in tabular tasks.
        spread: of the members' predictions, see `spread_of`; 0 of a single model.
    """

    values: FloatArray
    predicted: FloatArray
    steps: IntArray
    windows: IntArray
    scenarios: IntArray
    ages: IntArray
    spread: FloatArray

    def where(self, kept: Any) -> "Residuals":
        """Return some of the residuals, by mask or position."""
        return Residuals(*(column[kept] for column in vars(self).values()))

    @classmethod
    def concatenated(cls, parts: Sequence["Residuals"]) -> "Residuals":
        """Return several, one after the other."""
        return cls(*(np.concatenate(columns) for columns in zip(*(vars(one).values() for one in parts), strict=True)))

    @property
    def weights(self) -> FloatArray:
        """How much each one counts, 1 in the latest window."""
        weights: FloatArray = FADING ** self.ages.astype(np.float64)
        return weights

    @property
    def known(self) -> "Residuals":
        """The finite ones."""
        return self.where(np.isfinite(self.values) & np.isfinite(self.predicted))


@dataclass(frozen=True)
class ScaleLaw:
    """What the scale of an error follows.

    Attributes:
        power: of a prediction's size.
        spread_power: of how far the members of the mixture lie apart, relative to what is usual.
    """

    power: float = USUAL_POWER
    spread_power: float = 0.0


@dataclass(frozen=True)
class Scale:
    """The scale of one scenario's errors, but for their growth with the step.

    Attributes:
        law: what it follows.
        floor: size below which a prediction does not count as smaller, positive, in units of the target.
        usual_spread: mean spread of the members, in units of the prediction's power; not negative.
    """

    law: ScaleLaw
    floor: float
    usual_spread: float

    @classmethod
    def of(cls, residuals: Residuals, law: ScaleLaw) -> Self:
        """Measure what is usual in one scenario, by a law; errors do not grow with predictions of different signs."""
        law = replace(law, power=_power_of(residuals.predicted, usual=law.power))
        floor = floor_of(residuals.predicted)
        plain = error_scale(residuals.predicted, law.power, floor)
        return cls(law, floor, float((residuals.spread / plain).mean()))

    def at(self, predicted: FloatArray, spread: FloatArray | None) -> FloatArray:
        """Return the scale of each prediction's error, shape (n,), positive; a spread that is not known is usual."""
        plain = error_scale(predicted, self.law.power, self.floor)
        return plain if spread is None else plain * doubt_of(spread / plain, self.usual_spread, self.law.spread_power)


@dataclass(frozen=True)
class Shape:
    """How residuals spread in a pool of scenarios, each in units of its scenario's own mean absolute residual.

    Attributes:
        law: what the scale of an error follows.
        growth: scale of the errors at step 1, 2, ..., relative to their mean; the last one serves later steps.
        lower: of each level, how far the bound lies below the prediction; not negative.
        upper: the same above the prediction.
    """

    law: ScaleLaw
    growth: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]

    def to_parts(self) -> dict[str, Any]:
        """Return everything that `from_parts` needs, as JSON values."""
        return {**vars(self.law), **{name: list(getattr(self, name)) for name in ("growth", "lower", "upper")}}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`; pools of before had the usual law."""
        law = ScaleLaw(float(parts.get("power", USUAL_POWER)), float(parts.get("spread_power", 0.0)))
        return cls(law, *(tuple(parts[name]) for name in ("growth", "lower", "upper")))


@dataclass(frozen=True)
class Calibration:
    """What turns a prediction into intervals.

    Attributes:
        levels: nominal coverages, ascending.
        scale: of an error, by prediction and by how far the members disagree.
        growth: factor of the scale at step 1, 2, ...; the last one serves later steps.
        lower: of each level, how far the bound lies below the prediction, in scales; not negative.
        upper: the same above the prediction.
        shape: what a pool teaches its scenarios; None for a scenario's own calibration.
    """

    kind: ClassVar[str] = "intervals"
    classes: ClassVar[tuple[str, ...]] = ()

    levels: tuple[float, ...]
    scale: Scale
    growth: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    shape: Shape | None = field(default=None, repr=False)

    def bounds(
        self,
        predicted: FloatArray,
        steps: IntArray,
        target_min: float | None = None,
        *,
        spread: FloatArray | None = None,
    ) -> dict[str, FloatArray]:
        """Return the intervals of some predictions; an interval of a lower level lies inside those of higher ones.

        Args:
            predicted: shape (n,), finite.
            steps: periods after the origin, shape (n,); anything in tabular tasks.
            target_min: lower bound of the target; None: unbounded.
            spread: of the members that predicted, shape (n,), see `spread_of`; None: as usual.

        Returns:
            Column name (see `interval_names`) -> bounds, shape (n,): lower <= predicted <= upper.
        """
        scale = self.scale.at(predicted, spread) * _at(self.growth, steps)
        least = -math.inf if target_min is None else target_min
        columns: dict[str, FloatArray] = {}
        for level, below, above in zip(self.levels, self.lower, self.upper, strict=True):
            lower_name, upper_name = interval_names(level)
            columns[lower_name] = np.minimum(np.maximum(predicted - below * scale, least), predicted)
            columns[upper_name] = predicted + above * scale
        return columns

    def to_parts(self) -> dict[str, Any]:
        """Return everything that `from_parts` needs, as JSON values."""
        shape = None if self.shape is None else self.shape.to_parts()
        lists = {name: list(getattr(self, name)) for name in ("levels", "growth", "lower", "upper")}
        scale = {"floor": self.scale.floor, "usual_spread": self.scale.usual_spread}
        return {**lists, **vars(self.scale.law), **scale, "shape": shape}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Any]) -> Self:
        """Rebuild from `to_parts`; models of before knew of no disagreement."""
        shape = parts["shape"]
        law = ScaleLaw(float(parts["power"]), float(parts.get("spread_power", 0.0)))
        return cls(
            **{name: tuple(parts[name]) for name in ("levels", "growth", "lower", "upper")},
            scale=Scale(law, float(parts["floor"]), float(parts.get("usual_spread", 0.0))),
            shape=None if shape is None else Shape.from_parts(shape),
        )


def calibrate(
    residuals: Residuals, levels: Sequence[float], *, shape: Shape | None = None, suited: Residuals | None = None
) -> Calibration:
    """Learn how far actuals stray from predictions; from the residuals of a pool, also what it teaches its scenarios.

    Args:
        residuals: of one scenario, or of the scenarios of a pool.
        levels: nominal coverages between 0 and 1.
        shape: what the scenario's pool teaches, for the same levels; None if there is no pool.
        suited: what a pool learns its shape from, see `best_of_each`; None: from the residuals themselves.

    Raises:
        ValueError: no finite residual.
    """
    known = residuals.known
    if len(known.values) == 0:
        raise ValueError("prediction intervals need at least one finite residual, found none")
    ordered = tuple(sorted(set(levels)))
    learned = learn_shape(known if suited is None else suited.known, ordered)
    taught = shape or learned
    scale = Scale.of(known, taught.law if taught else ScaleLaw())
    scaled = known.values / scale.at(known.predicted, known.spread)
    worth = STUDENT_WORTH if shape is None else POOL_WORTH
    shape = shape or _student_shape(scale.law, _growth_of(np.abs(scaled), known.steps, ordered), ordered)
    scaled = scaled / _at(shape.growth, known.steps)
    own = n_independent(scaled, known.windows)
    share, unit = own / (own + worth), float(np.average(np.abs(scaled), weights=known.weights))
    below, above = _tails(scaled, known.weights, ordered)
    return Calibration(
        levels=ordered,
        scale=scale,
        growth=shape.growth,
        lower=_mixed(below, shape.lower, share=share, unit=unit),
        upper=_mixed(above, shape.upper, share=share, unit=unit),
        shape=learned,
    )


def best_of_each(forecasts: Sequence[Residuals]) -> Residuals:
    """Return, of each scenario, the residuals of the forecasts with the least mean absolute one.

    A scenario is forecast by whatever does well on it, and that need not be its pool's model: the errors of a model
    that does not suit it have another shape, and grow with the step in another way.

    Args:
        forecasts: of the same rows; the first one wins a tie, and one that is not known everywhere does not.
    """
    scenarios = np.unique(forecasts[0].scenarios, return_inverse=True)[1]
    sizes = np.nan_to_num([np.bincount(scenarios, np.abs(one.values)) for one in forecasts], nan=np.inf)
    best, rows = np.argmin(sizes, axis=0)[scenarios], np.arange(len(scenarios))
    told = {name: np.array([getattr(one, name) for one in forecasts]) for name in ("values", "predicted", "spread")}
    return replace(forecasts[0], **{name: of_all[best, rows] for name, of_all in told.items()})


def learn_shape(residuals: Residuals, levels: Sequence[float]) -> Shape | None:
    """Learn what the residuals of many scenarios have in common; None if fewer than MIN_SCENARIOS ever err.

    Each window's residuals are measured by its scenario's mean absolute residual in the other windows. That ratio is
    what a scenario meets when it measures tomorrow's errors by yesterday's, and so its quantiles hold in the fleet.

    Args:
        residuals: finite.
        levels: nominal coverages, ascending.
    """
    scenarios = np.unique(residuals.scenarios, return_inverse=True)[1]
    sizes = np.bincount(scenarios, np.abs(residuals.values)) / np.bincount(scenarios)
    residuals = residuals.where(sizes[scenarios] > NEGLIGIBLE)  # who never errs knows nothing of errors
    codes, scenarios = np.unique(residuals.scenarios, return_inverse=True)
    if len(codes) < MIN_SCENARIOS:
        return None
    order = np.argsort(scenarios, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(scenarios[order])) + 1)
    apart = [residuals.where(rows) for rows in groups]
    law = likeliest_law(apart)
    ratios = np.empty(len(residuals.values))
    for rows, own in zip(groups, apart, strict=True):
        ratios[rows] = _ratios(own, law)
    growth = _pool_growth(np.abs(ratios), residuals.steps)
    below, above = _tails(ratios / _at(growth, residuals.steps), residuals.weights, levels)
    return Shape(law, growth, below, above)


def n_independent(scaled: FloatArray, windows: IntArray) -> float:
    """Return how many independent residuals would tell as much about their spread as these, shape (n,), do.

    Within windows of H independent errors the mean square of a window's mean is 1 / H of that of the errors; with
    errors that are all alike in a window it is all of it, and a window counts as one residual.
    """
    square = float(np.square(scaled).mean())
    numbers = np.unique(windows, return_inverse=True)[1]
    counts = np.bincount(numbers)
    means = np.bincount(numbers, scaled) / counts
    common = float((counts * np.square(means)).sum() / len(scaled))
    if common <= 0.0:
        return float(len(scaled))
    return min(len(counts) * square / common, float(len(scaled)))


def likeliest_law(scenarios: Sequence[Residuals]) -> ScaleLaw:
    """Return the law under which the scenarios' residuals are likeliest, Laplace-distributed each.

    Every scenario's likelihood is that of one of its residuals, so that none decides for all. First the power of the
    prediction's size is chosen, then that of the spread. Each is the usual one unless another is clearly likelier:
    where predictions hardly differ, powers do not either.
    """
    by_size = _likeliest([ScaleLaw(power) for power in POWERS], scenarios)
    if not any(one.spread.any() for one in scenarios):
        return by_size
    return _likeliest([replace(by_size, spread_power=power) for power in SPREAD_POWERS], scenarios)


def _likeliest(laws: Sequence[ScaleLaw], scenarios: Sequence[Residuals]) -> ScaleLaw:
    """Return the likeliest law; the first one unless another is clearly likelier."""
    likelihoods = [math.fsum(_log_likelihood(one, law) for one in scenarios) for law in laws]
    best = int(np.argmax(likelihoods))
    return laws[best] if likelihoods[best] > likelihoods[0] + CLEARLY * len(scenarios) else laws[0]


def _log_likelihood(residuals: Residuals, law: ScaleLaw) -> float:
    """Return the mean log-likelihood of one scenario's residuals, but for a constant.

    With a scale of its own that of n residuals e with scales s is -mean(log s) - log(mean(|e| / s)). Where next to
    nothing was predicted, a scale is its floor at any power, and an error of nothing says nothing of how errors grow.
    """
    of_all = Scale.of(residuals, law)
    told = residuals.where(np.abs(residuals.predicted) > of_all.floor)
    scale = of_all.at(told.predicted, told.spread)
    size = float((np.abs(told.values) / scale).mean()) if len(scale) else 0.0
    return -float(np.log(scale).mean()) - math.log(size) if size > 0.0 else 0.0


def _ratios(residuals: Residuals, law: ScaleLaw) -> FloatArray:
    """Divide one scenario's scaled residuals by their mean size in the other windows. Shape (n,)."""
    scaled = residuals.values / Scale.of(residuals, law).at(residuals.predicted, residuals.spread)
    numbers = np.unique(residuals.windows, return_inverse=True)[1]
    weights = residuals.weights
    sizes, counts = np.bincount(numbers, np.abs(scaled) * weights), np.bincount(numbers, weights)
    usual = float(np.abs(scaled).mean())
    if usual == 0.0 or len(counts) == 1:
        return scaled / (usual or 1.0)
    others = (sizes.sum() - sizes) / (counts.sum() - counts)
    ratios: FloatArray = scaled / np.maximum(others, _LEAST_SHARE * usual)[numbers]
    return ratios


_LEAST_SHARE = 0.2
"""Share of its mean size below which a scenario's errors do not fall in some windows, so that ratios stay finite."""


def _pool_growth(sizes: FloatArray, steps: IntArray) -> tuple[float, ...]:
    """Return the mean size of the errors around each step, relative to that of all."""
    places = np.maximum(steps, 1) - 1
    totals, counts = np.bincount(places, sizes), np.bincount(places)
    mean = float(sizes.mean())
    if mean == 0.0:
        return (1.0,)
    window = np.ones(2 * STEPS_AROUND + 1)
    near, n_near = (np.convolve(values, window)[STEPS_AROUND:-STEPS_AROUND] for values in (totals, counts))
    return tuple(float(value) for value in (near + mean * _FEW) / (n_near + _FEW) / mean)


_FEW = 20.0
"""Residuals of a mean size that a step's own are mixed with, in case they are few."""


def _growth_of(sizes: FloatArray, steps: IntArray, levels: Sequence[float]) -> tuple[float, ...]:
    """Return the mean size of the errors in each step's group, relative to that of all; (1,) from a few residuals."""
    last_steps = _groups_of(steps, levels)
    mean = float(sizes.mean())
    if not last_steps or mean == 0.0:
        return (1.0,)
    group = np.searchsorted(np.array(last_steps), steps, side="left")
    relative = np.bincount(group, sizes) / np.bincount(group) / mean
    every_step = np.arange(1, last_steps[-1] + 2)
    values = np.maximum(relative, _LEAST_SHARE)[np.searchsorted(np.array(last_steps), every_step, side="left")]
    return tuple(float(value) for value in values)


def _at(growth: Sequence[float], steps: IntArray) -> FloatArray:
    """Return the factor of each step, shape (n,); the first one's before step 1, the last one's beyond the last."""
    factors: FloatArray = np.array(growth, dtype=np.float64)[np.clip(steps, 1, len(growth)) - 1]
    return factors


def _tails(
    scaled: FloatArray, weights: FloatArray, levels: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return how far the bounds of each level lie below and above 0."""
    order = np.argsort(scaled, kind="stable")
    values, counts = scaled[order], weights[order]
    below = tuple(_offset(-values[::-1], counts[::-1], level) for level in levels)
    return below, tuple(_offset(values, counts, level) for level in levels)


def _mixed(own: Sequence[float], shape: Sequence[float], *, share: float, unit: float) -> tuple[float, ...]:
    """Mix a scenario's own offsets with those of a shape, which are in its units."""
    return tuple(share * mine + (1.0 - share) * unit * other for mine, other in zip(own, shape, strict=True))


def _student_shape(law: ScaleLaw, growth: tuple[float, ...], levels: Sequence[float]) -> Shape:
    offsets = tuple(_student(level) for level in levels)
    return Shape(law, growth, offsets, offsets)


def _student(level: float) -> float:
    """Return the bound of a central interval of Student's t with four degrees of freedom.

    Its mean absolute value is 1, so that this is in units of the mean absolute residual. The quantile function is in
    closed form (Shaw 2006, "Sampling Student's t distribution", section 2).
    """
    alpha = 1.0 - level**2  # 4 u (1 - u) at u = (1 + level) / 2
    return 2.0 * math.sqrt(math.cos(math.acos(math.sqrt(alpha)) / 3.0) / math.sqrt(alpha) - 1.0)


def _power_of(predictions: FloatArray, *, usual: float) -> float:
    """Return how the scale grows with one scenario's predictions: not at all where signs differ.

    A scenario looks at no residual of its own for that, so that they stay exchangeable: choosing the likeliest of the
    powers 0, 0.5 and 1 from 84 residuals cost up to a point of coverage on daily sales, for intervals 2% narrower. The
    many residuals of a pool may choose.
    """
    return usual if (predictions >= 0).all() else 0.0


def _groups_of(steps: IntArray, levels: Sequence[float]) -> tuple[int, ...]:
    """Cut the steps into groups with enough residuals each; return the last step of every group but the last one."""
    smallest = max(MIN_GROUP_RESIDUALS, *(math.ceil(2.0 / (1.0 - level)) for level in levels)) if levels else len(steps)
    n_groups = min(MAX_GROUPS, len(steps) // smallest, len(np.unique(steps)))
    last_steps: list[int] = []
    ordered = np.sort(steps)
    for number in range(1, n_groups):
        last = int(ordered[len(ordered) * number // n_groups - 1])
        n_own = int((ordered <= last).sum()) - int((ordered <= last_steps[-1]).sum() if last_steps else 0)
        if n_own >= smallest and int((ordered > last).sum()) >= smallest:
            last_steps.append(last)
    return tuple(last_steps)


def _offset(ordered: FloatArray, weights: FloatArray, level: float) -> float:
    """Return the upper tail's quantile of ascending residuals, not negative.

    With fewer residuals than the level needs, the greatest one stands in: the bound is finite, and covers less than
    promised.
    """
    needed = (weights.sum() + 1.0) * (1.0 + level) / 2.0
    place = int(np.searchsorted(np.cumsum(weights), needed * (1.0 - _ROUNDING)))
    return max(float(ordered[min(place, len(ordered) - 1)]), 0.0)


_ROUNDING = 1e-9
"""Share of a sum of weights by which rounding may move it."""
