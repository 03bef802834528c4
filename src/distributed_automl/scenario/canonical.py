"""From the rows that came in to canonical samples: sorted, cast, and in forecasting without a gap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from distributed_automl.errors import ScenarioSkipped, TableError
from distributed_automl.parameters import Problem
from distributed_automl.scenario.calendar import (
    Frequency,
    Int64Array,
    anchored,
    grid_positions,
    grid_values,
    index_of,
    season_of,
    timestamp_of,
    value_of,
)
from distributed_automl.scenario.classes import class_codes, classes_of
from distributed_automl.scenario.columns import (
    CASTS,
    MISSING,
    ObjectArray,
    datetimes_of,
    key_texts,
    kind_of,
    numbers_of,
    require_columns,
)
from distributed_automl.scenario.design import ROW_COL, SERIES_COL, FloatArray, Kinds, Samples, Timestamp
from distributed_automl.scenario.naming import name_of, text_of

BoolArray = npt.NDArray[np.bool_]

MAX_SAMPLES = 2_000_000
"""Rows beyond which a completed calendar is taken for a wrong frequency or a stray timestamp."""
_N_EXAMPLES = 3


@dataclass(frozen=True)
class _Layout:
    """Where canonical rows come from.

    Attributes:
        row: position in the frame that came in; -1 for an absent period. Shape (n_samples,).
        source: the position whose keys and known features hold: the row itself, or the one before it in its series.
        series: the series' name of each row.
        timestamps: of each row; None in tabular tasks.
        is_past: whether the row is not later than the origin.
    """

    row: Int64Array
    source: Int64Array
    series: ObjectArray
    timestamps: pd.Index | None
    is_past: BoolArray

    @property
    def is_absent(self) -> BoolArray:
        """Mask of the periods that had no row."""
        return self.row < 0


def canonical(
    frame: pd.DataFrame,
    problem: Problem,
    kinds: Kinds,
    *,
    origin: Timestamp | None = None,
    classes: Sequence[str] | None = None,
) -> Samples:
    """Bring the rows of one scenario into canonical form, whatever their order; see `Samples`.

    In forecasting every series is completed from its first row to the scenario's last timestamp. In an absent period
    keys, static and known-in-advance columns repeat the row before it; the target and observed columns are 0 or
    missing, as `problem.missing_rows` says, and missing if it is later than the origin. A null that came in stays one.

    Args:
        frame: rows of one scenario; more columns than needed are ignored.
        problem: the use case.
        kinds: the feature columns.
        origin: the last timestamp that may be known; None: all of the rows are history.
        classes: classification: the classes that there are; None: those of these rows.

    Raises:
        TableError: a column is missing or of a wrong type, a key is null, or a row is there twice.
        ScenarioSkipped: no rows, a timestamp off the frequency's grid, or an absent period where those are errors.
    """
    require_columns(frame.columns, problem, kinds)
    if len(frame) == 0:
        raise ScenarioSkipped("the scenario has no rows")
    keys = {key: key_texts(frame[key], key) for key in problem.keys}
    name = _scenario_name(keys, problem)
    series = row_names(keys, problem.series_keys, len(frame))
    _require_sample_ids(frame, problem)
    layout = _periods(frame, problem, series, origin) if problem.is_forecasting else _rows(frame, problem, series)
    known_classes = _classes(frame, problem) if classes is None else tuple(classes)
    roles = _roles(frame, problem, keys, layout=layout, classes=known_classes)
    columns = {**roles, **_features(frame, problem, kinds, layout)}
    season = season_of(problem) if problem.is_forecasting else 1
    return Samples(name, problem, pd.DataFrame(columns), kinds, season, known_classes)


def _scenario_name(keys: Mapping[str, ObjectArray], problem: Problem) -> str:
    for key in problem.scenario_keys:
        values = keys[key]
        if (values != values[0]).any():
            found = sorted(set(values.tolist()))
            raise TableError(f"rows of one scenario have one value of '{key}'; found {some(found)}: pass one at a time")
    return name_of([(key, keys[key][0]) for key in problem.scenario_keys])


def row_names(keys: Mapping[str, ObjectArray], columns: Sequence[str], n_rows: int) -> ObjectArray:
    """Return the name that some key columns give to each row (see `scenario_id_of`); "" without columns."""
    if not columns:
        return np.full(n_rows, "", dtype=object)
    if len(columns) == 1:
        return keys[columns[0]]
    codes = np.zeros(n_rows, dtype=np.int64)
    for column in columns:
        own, uniques = pd.factorize(keys[column])
        codes = pd.factorize(codes * len(uniques) + own)[0].astype(np.int64)
    first = np.unique(codes, return_index=True)[1]
    return np.array([name_of([(c, keys[c][row]) for c in columns]) for row in first], dtype=object)[codes]


def _require_sample_ids(frame: pd.DataFrame, problem: Problem) -> None:
    """Raise TableError if a sample id is null or there twice."""
    if problem.sample_id is None:
        return
    ids = frame[problem.sample_id]
    if ids.hasnans:
        n_null = int(ids.isna().sum())
        raise TableError(f"sample id '{problem.sample_id}' must have a value in every row; {n_null} are null")
    if not ids.is_unique:
        found = sorted({text_of(value) for value in ids[ids.duplicated()]})
        raise TableError(f"sample id '{problem.sample_id}' must be unique; found more than once: {some(found)}")


def _rows(frame: pd.DataFrame, problem: Problem, series: ObjectArray) -> _Layout:
    """Lay out the rows of a tabular task: sorted by sample id."""
    ids = frame[str(problem.sample_id)]
    values = ids.to_numpy() if ids.dtype.kind in "iuM" else key_texts(ids, str(problem.sample_id))
    order = np.argsort(values, kind="stable").astype(np.int64)
    return _Layout(order, order, series[order], None, np.ones(len(order), dtype=np.bool_))


def _periods(frame: pd.DataFrame, problem: Problem, series: ObjectArray, origin: Timestamp | None) -> _Layout:
    """Lay out the rows of a forecasting task: by series and timestamp, without gaps."""
    values = _timestamp_values(frame, problem)
    frequency = anchored(_frequency_of(problem), values)
    positions, on_grid = grid_positions(values, frequency)
    if not on_grid.all():
        raise ScenarioSkipped(_off_grid(values[~on_grid], len(values), frequency))
    codes, names = pd.factorize(series, sort=True)
    calendar = grid_values(int(values.min()), int(values.max()), frequency)
    row, code, place = _completed(codes.astype(np.int64), positions, len(calendar))
    stamps = calendar[place]
    layout = _Layout(
        row=row,
        source=row[np.maximum.accumulate(np.where(row >= 0, np.arange(len(row)), 0))],
        series=np.asarray(names, dtype=object)[code],
        timestamps=index_of(stamps, frequency),
        is_past=np.ones(len(row), dtype=np.bool_) if origin is None else stamps <= value_of(origin),
    )
    _require_all_placed(layout, frame, problem, series)
    _require_no_gaps(layout, problem)
    return layout


def _timestamp_values(frame: pd.DataFrame, problem: Problem) -> Int64Array:
    """Return the timestamps of the rows as int64.

    Raises:
        TableError: a timestamp is null or not of the type that the frequency asks for.
    """
    name = str(problem.timestamp)
    column = frame[name]
    if column.hasnans:
        raise TableError(f"timestamp '{name}' must have a value in every row; {int(column.isna().sum())} are null")
    if isinstance(problem.frequency, int):
        return _whole_numbers(column, name)
    try:
        return datetimes_of(column, name).view(np.int64)
    except pd.errors.OutOfBoundsDatetime as error:
        raise TableError(f"timestamp '{name}' must lie between the years 1678 and 2261; {error}") from error


def _whole_numbers(column: pd.Series, name: str) -> Int64Array:
    numbers = numbers_of(column, name) if kind_of(column) == "numeric" else np.full(len(column), 0.5)
    if (numbers != np.floor(numbers)).any():
        raise TableError(
            f"timestamp '{name}' must hold whole numbers, since `frequency` is an integer step; found {column.dtype}: "
            f"cast it, or give a pandas offset alias as `frequency`"
        )
    return numbers.astype(np.int64)


def _completed(codes: Int64Array, positions: Int64Array, n_periods: int) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Complete each series from its first position to the end of the calendar.

    Args:
        codes: number of each row's series, from 0, shape (n_rows,).
        positions: place of each row in the calendar, shape (n_rows,).
        n_periods: of the whole calendar.

    Returns:
        For every completed row, by series and place: the row that came in or -1, its series' number, its place. Of rows
        with equal series and place the last one is kept.
    """
    n_series = int(codes.max()) + 1
    first = np.full(n_series, n_periods, dtype=np.int64)
    np.minimum.at(first, codes, positions)
    lengths = n_periods - first
    _require_plausible(int(lengths.sum()), len(codes))
    shift = np.cumsum(lengths) - lengths - first
    row = np.full(int(lengths.sum()), -1, dtype=np.int64)
    row[positions + shift[codes]] = np.arange(len(codes))
    code = np.repeat(np.arange(n_series), lengths)
    return row, code, np.arange(len(row)) - shift[code]


def _require_plausible(n_samples: int, n_rows: int) -> None:
    if n_samples > max(MAX_SAMPLES, n_rows):
        raise ScenarioSkipped(
            f"its calendar would have {n_samples} rows for the {n_rows} that came in, more than {MAX_SAMPLES}: "
            f"`frequency` is too fine, or a timestamp is far from the others"
        )


def _require_all_placed(layout: _Layout, frame: pd.DataFrame, problem: Problem, series: ObjectArray) -> None:
    """Raise TableError if two rows have the same series and timestamp."""
    if int((layout.row >= 0).sum()) == len(frame):
        return
    pairs = pd.DataFrame({"series": series, "timestamp": frame[str(problem.timestamp)].to_numpy()})
    doubled = pairs[pairs.duplicated()].drop_duplicates().sort_values(["series", "timestamp"])
    found = [f"{_at(name)}{stamp}" for name, stamp in doubled.astype(str).itertuples(index=False)]
    raise TableError(
        f"a scenario has one row per {[*problem.series_keys, problem.timestamp]}; found more than one for "
        f"{some(found)}: aggregate them, or name what tells them apart in `series_keys`"
    )


def _require_no_gaps(layout: _Layout, problem: Problem) -> None:
    absent = np.flatnonzero(layout.is_absent & layout.is_past)
    if problem.missing_rows != "error" or len(absent) == 0 or layout.timestamps is None:
        return
    found = [f"{_at(layout.series[place])}{layout.timestamps[place]}" for place in absent[:_N_EXAMPLES]]
    raise ScenarioSkipped(
        f"its calendar must be complete (`missing_rows: error`), but {len(absent)} periods have no row: "
        f"{some(found, len(absent))}"
    )


def _off_grid(values: Int64Array, n_rows: int, frequency: Frequency) -> str:
    found = [str(timestamp_of(int(value), frequency)) for value in np.unique(values)[:_N_EXAMPLES]]
    return (
        f"its timestamps must lie on one calendar of frequency '{frequency}', but {len(values)} of {n_rows} do not: "
        f"{some(found, len(values))}"
    )


def _frequency_of(problem: Problem) -> Frequency:
    if problem.frequency is None:
        raise ValueError("a forecasting problem needs a frequency")
    return problem.frequency


def _at(series: str) -> str:
    return f"series '{series}' at " if series else ""


def some(found: Sequence[str], n_found: int | None = None) -> str:
    """Name the first few of what was found, and say how many more there are."""
    n_more = (len(found) if n_found is None else n_found) - len(found[:_N_EXAMPLES])
    return ", ".join(found[:_N_EXAMPLES]) + (f" and {n_more} more" if n_more > 0 else "")


def _roles(
    frame: pd.DataFrame, problem: Problem, keys: Mapping[str, ObjectArray], *, layout: _Layout, classes: Sequence[str]
) -> dict[str, object]:
    """Return the canonical columns that are no features."""
    columns: dict[str, object] = {SERIES_COL: layout.series, ROW_COL: layout.row}
    if layout.timestamps is not None:
        columns[str(problem.timestamp)] = layout.timestamps
    columns[problem.target] = _target(frame, problem, layout, classes)
    if not problem.is_forecasting:
        columns[str(problem.sample_id)] = frame[str(problem.sample_id)].to_numpy()[layout.source]
    return columns | {key: texts[layout.source] for key, texts in keys.items()}


def _classes(frame: pd.DataFrame, problem: Problem) -> tuple[str, ...]:
    return classes_of(frame[problem.target]) if problem.is_classification else ()


def _target(frame: pd.DataFrame, problem: Problem, layout: _Layout, classes: Sequence[str]) -> FloatArray:
    if problem.is_classification:
        return class_codes(frame[problem.target], classes)[layout.source]
    values = numbers_of(frame[problem.target], problem.target)[layout.source]
    return _filled(values, layout, problem, np.nan)


def _features(frame: pd.DataFrame, problem: Problem, kinds: Kinds, layout: _Layout) -> dict[str, object]:
    repeated = {*problem.known_in_advance, *problem.static}
    columns: dict[str, object] = {}
    for name, kind in kinds.items():
        values = CASTS[kind](frame[name], name)[layout.source]
        columns[name] = values if name in repeated else _filled(values, layout, problem, MISSING[kind])
    return columns


def _filled(values: npt.NDArray[Any], layout: _Layout, problem: Problem, missing: Any) -> npt.NDArray[Any]:
    """Replace the values of absent periods: by 0 where that is what they mean, else by what stands for missing."""
    if not layout.is_absent.any():
        return values
    filled = values.copy()
    filled[layout.is_absent] = missing
    if problem.missing_rows == "zero" and values.dtype.kind == "f":
        filled[layout.is_absent & layout.is_past] = 0.0
    return filled
