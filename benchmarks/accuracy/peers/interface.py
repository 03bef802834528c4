"""What every peer shares: `python <peer>.py PANEL BUDGET OUTPUT`, the panel's files, its series, and the costs.

A peer runs in a process and an environment of its own and imports nothing of the program. PANEL is a folder with a
folder per part: `train.parquet`, `asked.parquet` and `problem.json`. OUTPUT gets `<part>.parquet` (keys, timestamp or
sample id, `predicted_value` and, where the peer offers them, `lower_80`, `upper_80`, `lower_95`, `upper_95`; or
`probabilities` as JSON) and `costs.json`. Seconds are CPU-seconds, user and system, of the process and its children,
from the first row read to the last prediction written: importing the peer's library is not in them.
"""

import json
import os
import resource
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

SEED = 0
LEVELS = (80, 95)


@dataclass(frozen=True)
class Part:
    """One problem as a peer sees it.

    Attributes:
        name: of the part.
        train: rows with their targets.
        asked: history, and rows asked for with a null target.
        problem: the columns' roles, as the program's `problem` block names them.
    """

    name: str
    train: pd.DataFrame
    asked: pd.DataFrame
    problem: Mapping[str, Any]

    @property
    def is_forecasting(self) -> bool:
        return bool(self.problem["task"] == "forecasting")

    @property
    def target(self) -> str:
        return str(self.problem["target"])

    @property
    def scenario_keys(self) -> list[str]:
        return list(self.problem["scenario_keys"])

    @property
    def keys(self) -> list[str]:
        """Scenario keys and series keys."""
        return [*self.scenario_keys, *self.problem.get("series_keys", ())]

    @property
    def row_keys(self) -> list[str]:
        return [*self.keys, self.problem["timestamp"] if self.is_forecasting else self.problem["sample_id"]]

    @property
    def known(self) -> list[str]:
        """Columns whose future is known."""
        return list(self.problem.get("known_in_advance", ()))

    @property
    def static(self) -> list[str]:
        return list(self.problem.get("static", ()))

    @property
    def features(self) -> list[str]:
        """Tabular tasks: every column that is not a key, the target or the row's name."""
        return [name for name in self.train if name not in {*self.row_keys, self.target}]

    @property
    def season(self) -> int:
        return int(self.problem.get("season") or 1)

    @property
    def horizon(self) -> int:
        return int(self.problem["horizon"])

    @cached_property
    def question(self) -> pd.DataFrame:
        """The rows asked for."""
        rows = self.asked[self.asked[self.target].isna()]
        if not self.is_forecasting:
            return rows
        after = rows[self.row_keys[-1]] > self.origin_of(rows)
        return rows[after]

    @cached_property
    def origins(self) -> pd.Series:
        """Scenario -> the last timestamp with a known target: of all scenarios where they share one calendar."""
        timestamp = self.row_keys[-1]
        latest = self.train.groupby(self.scenario_keys)[timestamp].max()
        rows = self.asked[self.asked[self.target].isna()]
        own = rows[self.scenario_keys].join(latest.rename("latest"), on=self.scenario_keys)["latest"]
        first = rows.loc[rows[timestamp] > own, timestamp].min()
        return latest if latest.max() >= first else latest.clip(lower=latest.max())

    def origin_of(self, rows: pd.DataFrame) -> pd.Series:
        """Return the origin of each row's scenario."""
        return rows[self.scenario_keys].join(self.origins.rename("origin"), on=self.scenario_keys)["origin"]

    def scenarios(self) -> list[tuple[Any, "Part"]]:
        """Cut the part by scenario, in order."""
        asked = dict(list(self.asked.groupby(self.scenario_keys)))
        return [
            (key, replace(self, train=rows, asked=asked[key]))
            for key, rows in self.train.groupby(self.scenario_keys)
            if key in asked
        ]


Answer = tuple[pd.DataFrame, int]
"""Predictions of a part, and the bytes of the models behind them."""


def serve(forecast: Callable[[Part, str], Answer]) -> None:
    """Answer for every part of the panel that the command line names."""
    warnings.simplefilter("ignore")
    folder, budget, output = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    output.mkdir(parents=True, exist_ok=True)
    before, model_bytes = cpu_seconds(), 0
    for problem in sorted(folder.glob("*/problem.json")):
        part = read_part(problem.parent)
        predictions, size = forecast(part, budget)
        model_bytes += size
        completed(part, predictions).to_parquet(output / f"{part.name}.parquet", index=False)
    costs = {"cpu_seconds": cpu_seconds() - before, "peak_mb": peak_mb(), "model_bytes": model_bytes}
    (output / "costs.json").write_text(json.dumps(costs))


def read_part(folder: Path) -> Part:
    train, asked = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "asked"))
    return Part(folder.name, train, asked, json.loads((folder / "problem.json").read_text()))


def cpu_seconds() -> float:
    """Return user and system seconds of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def peak_mb() -> float:
    """Return the largest resident size of this process, or of one of its children where that is larger.

    From /proc, because getrusage counts what the parent held before it became this process.
    """
    status = Path("/proc/self/status").read_text()
    own = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1024.0


def completed(part: Part, predictions: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows asked for; one without a prediction takes its scenario's mean, and says so on stderr."""
    names = [
        name for name in predictions if name == "probabilities" or name.startswith(("predicted", "lower", "upper"))
    ]
    rows = part.question[part.row_keys].merge(predictions[[*part.row_keys, *names]], on=part.row_keys, how="left")
    missing = rows[names[0]].isna()
    if missing.any():
        sys.stderr.write(f"{part.name}: {int(missing.sum())} rows without a prediction take their scenario's mean\n")
        means = part.train.groupby(part.scenario_keys)[part.target].mean().rename("mean")
        means = rows.join(means, on=part.scenario_keys)["mean"].fillna(0.0)
        rows = rows.assign(**{name: rows[name].fillna(means) for name in names})
    lowest = part.problem.get("target_min")
    return rows if lowest is None else rows.assign(**{name: rows[name].clip(lower=lowest) for name in names})


def long_frames(part: Part) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lay a part out as `unique_id`, `ds`, `y` and its known and static columns, on a complete calendar.

    A missing row counts as zero or, where it means "unknown", as interpolated; its known numbers are carried forward,
    its known texts (an event, say) stay null. Series nobody asks for stay in the history: they teach.

    Returns:
        The history up to the origin, and `horizon` rows after it without `y`.
    """
    columns = {part.row_keys[-1]: "ds", part.target: "y"}
    asked = part.asked.assign(unique_id=ids_of(part.asked, part), origin=part.origin_of(part.asked))
    rows = asked.rename(columns=columns)[["unique_id", "ds", "origin", "y", *part.known, *part.static]]
    full = on_calendar(part, rows)
    past = full["ds"] <= full["origin"]
    history = full[past].drop(columns="origin")
    future = full[~past].drop(columns=["origin", "y"])
    return history.reset_index(drop=True), future.reset_index(drop=True)


def on_calendar(part: Part, rows: pd.DataFrame) -> pd.DataFrame:
    """Complete every series from its first known row to the horizon's end; one with nothing known is left out."""
    full = calendar_of(part, rows).merge(rows.drop(columns="origin"), on=["unique_id", "ds"], how="left")
    grouped = full.groupby("unique_id", sort=False)
    numbers = full[part.known].select_dtypes("number").columns
    carried = [*numbers, *part.static]
    if carried:
        full[carried] = grouped[carried].ffill()
        full[carried] = full.groupby("unique_id", sort=False)[carried].bfill()
    unknown = full["y"].isna() & (full["ds"] <= full["origin"])
    if part.problem.get("missing_rows", "zero") == "zero":
        return full.assign(y=full["y"].mask(unknown, 0.0))
    at, known = np.arange(len(full)), full["y"].notna().to_numpy()
    between = pd.Series(np.interp(at, at[known], full["y"].to_numpy()[known]), index=full.index)
    ended = grouped["y"].bfill().isna()  # after the last known value nothing is in between: it goes on
    return full.assign(y=full["y"].mask(unknown, between.where(~ended, grouped["y"].ffill())))


def calendar_of(part: Part, rows: pd.DataFrame) -> pd.DataFrame:
    """Return `unique_id`, `ds` and `origin` of every period from a series' first known one to the horizon's end."""
    known = rows[rows["y"].notna() & (rows["ds"] <= rows["origin"])]
    series = known.groupby("unique_id").agg(first=("ds", "min"), origin=("origin", "first")).reset_index()
    frequency, horizon = part.problem["frequency"], part.horizon
    if isinstance(frequency, int):
        all_periods = pd.Index(np.arange(series["first"].min(), series["origin"].max() + horizon * frequency + 1))
        starts, ends, step = series["first"] - all_periods[0], series["origin"] - all_periods[0], frequency
    else:
        last = pd.date_range(series["origin"].max(), periods=horizon + 1, freq=frequency)[-1]
        all_periods = pd.date_range(series["first"].min(), last, freq=frequency)
        starts, ends, step = all_periods.get_indexer(series["first"]), all_periods.get_indexer(series["origin"]), 1
    counts = (np.asarray(ends) - np.asarray(starts)) // step + 1 + horizon
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(series["unique_id"].to_numpy(), counts),
            "ds": all_periods[np.repeat(np.asarray(starts), counts) + step * within],
            "origin": np.repeat(series["origin"].to_numpy(), counts),
        }
    )


def ids_of(rows: pd.DataFrame, part: Part) -> pd.Series:
    """Return one text per row that names its series."""
    first, *others = (rows[key].astype(str) for key in part.keys)
    return first.str.cat(others, sep="/") if others else first


def as_answer(part: Part, forecasts: pd.DataFrame) -> pd.DataFrame:
    """Give forecasts of `unique_id` and `ds` the part's own keys again."""
    names = part.asked[part.keys].drop_duplicates()
    names = names.assign(unique_id=ids_of(names, part))
    return forecasts.merge(names, on="unique_id").rename(columns={"ds": part.row_keys[-1]})
