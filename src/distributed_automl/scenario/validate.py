"""The judgement whether a scenario can be modelled. One that cannot is skipped, with the reason."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from distributed_automl.errors import ScenarioSkipped
from distributed_automl.parameters import AutoML, Problem, Validation
from distributed_automl.scenario.calendar import int64_of
from distributed_automl.scenario.canonical import canonical
from distributed_automl.scenario.columns import LARGEST, beyond_scale
from distributed_automl.scenario.design import SERIES_COL, Kinds, Samples
from distributed_automl.scenario.split import require_enough

MAX_CLASSES = 100
"""Classes beyond which a target is taken for a number or a name."""


def validate(frame: pd.DataFrame, problem: Problem, automl: AutoML, kinds: Kinds) -> Samples:
    """Return the canonical rows of a scenario that can be modelled.

    Args:
        frame: rows of one scenario, in any order.
        problem: the use case.
        automl: how the scenario is searched.
        kinds: the feature columns.

    Raises:
        TableError: the table does not keep its contract; see `canonical`.
        ScenarioSkipped: the scenario cannot be modelled; the message is the reason.
    """
    samples = canonical(frame, problem, kinds)
    for check in _CHECKS:
        check(samples, automl.validation)
    return samples


def _require_finite_target(samples: Samples, _: Validation) -> None:
    found = np.flatnonzero(beyond_scale(samples.y))
    if len(found):
        raise ScenarioSkipped(
            f"target '{samples.problem.target}' must lie between -{LARGEST:g} and {LARGEST:g}; it is beyond, or "
            f"infinite, in {len(found)} of {len(samples)} rows, the first {_place_of(samples, int(found[0]))}: correct "
            "it, set it to null where it is unknown, or give it in another unit"
        )


def _place_of(samples: Samples, row: int) -> str:
    """Say where a canonical row is, in the words of the user's table."""
    problem, record = samples.problem, samples.frame.iloc[row]
    if not problem.is_forecasting:
        return f"at {problem.sample_id} = {record[str(problem.sample_id)]}"
    series = f" of series '{record[SERIES_COL]}'" if record[SERIES_COL] else ""
    return f"at {problem.timestamp} = {record[str(problem.timestamp)]}{series}"


def _require_some_target(samples: Samples, _: Validation) -> None:
    if np.isnan(samples.y).all():
        raise ScenarioSkipped(f"target '{samples.problem.target}' is null in all of the {len(samples)} rows")


def _require_varying_target(samples: Samples, _: Validation) -> None:
    known = samples.y[~np.isnan(samples.y)]
    if (known == known[0]).all():
        value = f"'{samples.classes[int(known[0])]}'" if samples.classes else f"{known[0]:g}"
        raise ScenarioSkipped(f"target '{samples.problem.target}' is constant: {value} in all of {len(known)} rows")


def _require_few_classes(samples: Samples, _: Validation) -> None:
    if len(samples.classes) > MAX_CLASSES:
        raise ScenarioSkipped(
            f"target '{samples.problem.target}' has {len(samples.classes)} classes; at most {MAX_CLASSES} can be told "
            f"apart: a number is for `task: regression`, rare classes want to be put together"
        )


def _require_target_periods(samples: Samples, validation: Validation) -> None:
    """Raise ScenarioSkipped if too few periods have a target other than zero."""
    if not samples.problem.is_forecasting:
        return
    stamps = int64_of(samples.timestamps)
    n_active = len(np.unique(stamps[np.nan_to_num(samples.y) != 0.0]))
    if n_active < validation.min_target_periods:
        raise ScenarioSkipped(
            f"target '{samples.problem.target}' is other than zero in {n_active} of {len(np.unique(stamps))} periods; "
            f"at least {validation.min_target_periods} are needed (`validation.min_target_periods`)"
        )


_CHECKS: tuple[Callable[[Samples, Validation], None], ...] = (
    _require_finite_target,
    _require_some_target,
    require_enough,
    _require_few_classes,
    _require_varying_target,
    _require_target_periods,
)
"""In the order in which a reason says most."""
