"""Splits: what is learned from, and what is judged by.

Forecasting: rolling origins with the true horizon. Every window is `horizon` periods long, and what is judged by is
later than all that is learned from (here `n_folds` is 3):

    fold_1    |++++++++++++++++++++++++|======|
    fold_2    |+++++++++++++++++++++++++++++++|======|
    fold_3    |++++++++++++++++++++++++++++++++++++++|======|
    holdout   |+++++++++++++++++++++++++++++++++++++++++++++|======|
              ----------------------------------------------------------> time
    + learn   = judge

Tabular: a row's part follows from a hash of its sample id (or of its group) alone, so that no other row can move it:

    hash      0 |== holdout ==|===== fold_1 =====|===== fold_2 =====|===== fold_3 =====| 1

Each fold learns from the other folds, and the holdout from all of them. Classes are spread evenly over the parts: in
place of the hash stands a row's rank by hash among the rows of its scenario and class, as a share of them. With a
timestamp the rows are cut by time, as
in forecasting: the latest share is the holdout, and `n_folds` + 1 parts of equally many rows come before it.
"""

import hashlib
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.errors import ScenarioSkipped, TableError
from distributed_automl.parameters import Validation
from distributed_automl.scenario.calendar import Int64Array, int64_of, timestamp_of
from distributed_automl.scenario.canonical import row_names
from distributed_automl.scenario.design import FloatArray, Samples, Split, Splits
from distributed_automl.scenario.naming import text_of

BoolArray = npt.NDArray[np.bool_]

FEWEST_PERIODS = 12
"""What the first fold learns from at least, where `validation.min_train_periods` is null."""
LONGEST_SHORT_SEASON = 31
"""Periods of a season that the first fold should see twice."""


def split(samples: Samples, validation: Validation) -> Splits:
    """Cut the rows with a known target into folds and a holdout.

    Raises:
        ScenarioSkipped: too few rows for one fold and a holdout.
    """
    require_enough(samples, validation)
    if samples.problem.is_forecasting:
        return _rolling(samples, validation)
    if samples.problem.timestamp is not None:
        return _by_time(samples, validation)
    return _by_hash(samples, validation)


def require_enough(samples: Samples, validation: Validation) -> None:
    """Raise ScenarioSkipped unless there are enough known rows (tabular) or periods (forecasting) to split."""
    if samples.problem.is_forecasting:
        _require_periods(len(_known_periods(samples)), samples, validation)
    else:
        _require_rows(int((~np.isnan(samples.y)).sum()), validation)


def _require_periods(n_periods: int, samples: Samples, validation: Validation) -> None:
    n_train, horizon = min_train_periods(samples, validation), samples.problem.horizon
    n_needed = n_train + 2 * horizon
    if n_periods < n_needed:
        raise ScenarioSkipped(
            f"its history has {n_periods} periods from the first to the last known target; at least {n_needed} are "
            f"needed: {n_train} to learn from (`validation.min_train_periods`) and twice the "
            f"horizon of {horizon}, for one fold and the holdout"
        )


def min_train_periods(samples: Samples, validation: Validation) -> int:
    """Return how many periods the first fold learns from at least: as asked for, or twice whatever is to be learned.

    That is the horizon, and the season unless it is a long one: few histories hold two years of weeks.
    """
    if validation.min_train_periods is not None:
        return validation.min_train_periods
    season = samples.season if samples.season <= LONGEST_SHORT_SEASON else 1
    return max(FEWEST_PERIODS, 2 * samples.problem.horizon, 2 * season)


def _require_rows(n_rows: int, validation: Validation) -> None:
    if n_rows < validation.min_samples:
        raise ScenarioSkipped(
            f"{n_rows} of its rows have a target; at least {validation.min_samples} are needed "
            f"(`validation.min_samples`)"
        )


def _known_periods(samples: Samples) -> Int64Array:
    """Return the periods from the first to the last with a known target, ascending, as int64."""
    stamps = int64_of(samples.timestamps)
    known = stamps[~np.isnan(samples.y)]
    if len(known) == 0:
        return known
    return np.unique(stamps[(stamps >= known.min()) & (stamps <= known.max())])


def _rolling(samples: Samples, validation: Validation) -> Splits:
    periods, horizon = _known_periods(samples), samples.problem.horizon
    n_windows = (len(periods) - min_train_periods(samples, validation)) // horizon
    n_folds = min(validation.n_folds, n_windows - 1)
    names = [*(f"fold_{k + 1}" for k in range(n_folds)), "holdout"]
    ends = [len(periods) - 1 - horizon * k for k in range(n_folds + 1, 0, -1)]
    return _splits_of([_window(samples, name, periods, end) for name, end in zip(names, ends, strict=True)])


def _window(samples: Samples, name: str, periods: Int64Array, end: int) -> Split:
    """Learn up to `periods[end]`, judge by the `horizon` periods after it."""
    stamps, known = int64_of(samples.timestamps), ~np.isnan(samples.y)
    cutoff, last = int(periods[end]), int(periods[end + samples.problem.horizon])
    return Split(
        name,
        train=np.flatnonzero(known & (stamps <= cutoff)),
        valid=np.flatnonzero(known & (stamps > cutoff) & (stamps <= last)),
        cutoff=timestamp_of(cutoff, samples.problem.frequency or 1),
    )


def _by_hash(samples: Samples, validation: Validation) -> Splits:
    is_stratified = samples.problem.is_classification
    places = stratified(samples) if is_stratified else order_of(samples)
    known, is_holdout = ~np.isnan(samples.y), places < validation.holdout_share
    n_parts = max(validation.n_folds, 2)  # a single fold judges by one half and learns from the other
    parts = np.floor((places - validation.holdout_share) / (1.0 - validation.holdout_share) * n_parts)
    past = known & ~is_holdout
    folds = [_part(f"fold_{k + 1}", past & (parts != k), past & (parts == k)) for k in range(validation.n_folds)]
    splits = _splits_of([*folds, _part("holdout", past, known & is_holdout)])
    return splits.of_strata(strata_of(samples)) if is_stratified else splits


def stratified(samples: Samples) -> FloatArray:
    """Return the place of every row in [0, 1), evenly spread within each scenario and class, in the order of the draws.

    Rows of one group stay together; a group counts to the class that most of its rows have. The first place in a class
    is drawn by the class's name, so that classes with a single row do not all land in one part.

    Returns:
        Shape (n_samples,); NaN where the target is unknown.
    """
    rows = _labelled(samples).assign(draw=order_of(samples))
    by_class = rows.dropna(subset="code").groupby(["scenario", "unit", "draw", "code"], as_index=False).size()
    ranked = by_class.sort_values(["size", "code"], ascending=[False, True], kind="stable")
    units = ranked.drop_duplicates(["scenario", "unit"]).drop(columns="size")
    units = units.merge(by_class.groupby(["scenario", "unit"], as_index=False)["size"].sum())
    units = units.sort_values(["scenario", "code", "draw", "unit"], kind="stable")
    sizes = units.groupby(["scenario", "code"])["size"]
    first = [
        draw_of(f"class={scenario}/{samples.classes[int(code)]}")
        for scenario, code in zip(units["scenario"], units["code"], strict=True)
    ]
    before = sizes.cumsum() - units["size"]
    units["place"] = (before + np.array(first) * units["size"]) / sizes.transform("sum")
    placed = rows.merge(units[["scenario", "unit", "place"]], on=["scenario", "unit"], how="left")
    return placed["place"].where(rows["code"].notna()).to_numpy(dtype=np.float64)


def strata_of(samples: Samples) -> dict[str, str]:
    """Return scenario -> digest of all that its stratified parts follow from: its rows' names and classes."""
    rows = _labelled(samples).dropna(subset="code").sort_values(["scenario", "unit", "code"], kind="stable")
    labels = np.array(samples.classes, dtype=object)[rows["code"].to_numpy(dtype=np.intp)]
    lines = rows["unit"] + "\t" + labels
    return {
        str(scenario): hashlib.blake2b("\n".join(own).encode(), digest_size=8).hexdigest()
        for scenario, own in lines.groupby(rows["scenario"])
    }


def _labelled(samples: Samples) -> pd.DataFrame:
    """Return scenario, unit (a group or a row) and class's code of every row, shape (n_samples, 3)."""
    keys = {key: samples.frame[key].to_numpy(dtype=object) for key in samples.problem.scenario_keys}
    scenarios = row_names(keys, samples.problem.scenario_keys, len(samples))
    return pd.DataFrame({"scenario": scenarios, "unit": _unit_names(samples), "code": samples.y})


def order_of(samples: Samples) -> FloatArray:
    """Return the number that rows are cut by, shape (n_samples,): their time, or the draw of their name or group."""
    if samples.problem.is_forecasting:
        return int64_of(samples.timestamps).astype(np.float64)
    if samples.problem.timestamp is not None:
        return _time_values(samples)
    return np.array([draw_of(name) for name in _unit_names(samples)])


def draw_of(name: str) -> float:
    """Return a number in [0, 1) that follows from the name alone, evenly spread over names."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _unit_names(samples: Samples) -> list[str]:
    """Return the name that decides each row's part: its group, or its sample id where there is no group."""
    problem, frame = samples.problem, samples.frame
    ids = [f"id={text_of(value)}" for value in frame[str(problem.sample_id)]]
    if problem.group is None:
        return ids
    groups = frame[problem.group]
    pairs = zip(ids, groups, groups.isna(), strict=True)
    return [own if is_null else f"group={text_of(group)}" for own, group, is_null in pairs]


def _by_time(samples: Samples, validation: Validation) -> Splits:
    stamps, known = _time_values(samples), ~np.isnan(samples.y)
    last_start = _start_after(stamps[known], 1.0 - validation.holdout_share)
    past = known & (stamps < last_start)
    shares = [k / (validation.n_folds + 1) for k in range(1, validation.n_folds + 1)] if past.any() else []
    edges = [*sorted({_start_after(stamps[past], share) for share in shares}), last_start]
    folds = [
        _part(f"fold_{k + 1}", past & (stamps < start), past & (stamps >= start) & (stamps < end))
        for k, (start, end) in enumerate(pairwise(edges))
    ]
    parts = [*folds, _part("holdout", past, known & (stamps >= last_start))]
    names = _unit_names(samples) if samples.problem.group is not None else None
    return _splits_of(parts if names is None else [_without_shared_groups(one, names) for one in parts])


def _time_values(samples: Samples) -> FloatArray:
    """Return the timestamps of a tabular task as numbers; a row without one counts as the oldest."""
    stamps = samples.timestamps
    if stamps.dtype.kind not in "Mf":
        raise TableError(f"timestamp '{samples.problem.timestamp}' must hold numbers, dates or timestamps; cast it")
    values = stamps.to_numpy(dtype=np.float64) if stamps.dtype.kind == "f" else int64_of(stamps).astype(np.float64)
    return np.where(stamps.isna(), -np.inf, values)


def _start_after(values: FloatArray, share: float) -> float:
    """Return the time from which the rows after the given share begin; rows of one time stay together."""
    ordered = np.sort(values)
    return float(ordered[min(round(share * len(ordered)), len(ordered) - 1)])


def _without_shared_groups(one: Split, names: list[str]) -> Split:
    """Take rows of a group that the split is judged by out of what it learns from."""
    judged = {names[row] for row in one.valid}
    train = np.array([row for row in one.train if names[row] not in judged], dtype=np.intp)
    return Split(one.name, train, one.valid, one.cutoff)


def _part(name: str, train: BoolArray, valid: BoolArray) -> Split:
    return Split(name, np.flatnonzero(train), np.flatnonzero(valid))


def _splits_of(parts: list[Split]) -> Splits:
    """Return the parts that have rows on both sides as folds and a holdout, which comes last.

    Raises:
        ScenarioSkipped: there is no such fold, or no such holdout.
    """
    usable = [part for part in parts if len(part.train) and len(part.valid)]
    if len(usable) < 2 or usable[-1].name != "holdout":
        raise ScenarioSkipped(
            f"its rows with a target do not fill one fold and the holdout; filled: {[part.name for part in usable]}. "
            f"More rows, groups or times are needed"
        )
    return Splits(tuple(usable[:-1]), usable[-1])
