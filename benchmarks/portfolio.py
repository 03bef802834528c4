"""Make the general portfolio that ships with the program, from pilot scenarios of the benchmark's panels.

    .venv/bin/python -m benchmarks.portfolio regression --pilots 6 --trials 8 --tried 14
    .venv/bin/python -m benchmarks.portfolio classification --pilots 6 --trials 8 --tried 14
    .venv/bin/python -m benchmarks.portfolio forecasting --pilots 3 --trials 6 --tried 8 --output trial.json

The first two made the file that is there, the last one does not ship (docs/decisions/a-portfolio-is-frozen.md). Each
changes what the file says of one task. Of each panel some scenarios of all sizes are
searched, with nothing but their training rows; of the bundled data those before its first origin. Then what won
anywhere is tried everywhere, see `scenario/pilots.py`. One thread, seeded: the same rows and code give the same file,
whatever the machine.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from benchmarks.accuracy.panels import DATA, load
from threadpoolctl import threadpool_limits

from distributed_automl.errors import ScenarioSkipped
from distributed_automl.parameters import AutoML, Problem
from distributed_automl.scenario.arena import Arena
from distributed_automl.scenario.fit import definitions_of, scenario_arena
from distributed_automl.scenario.naming import scenario_id_of
from distributed_automl.scenario.pilots import (
    PilotTrial,
    choose_pilots,
    make_portfolio,
    search_pilot,
    to_try,
    trials_frame,
    try_on_pilot,
)
from distributed_automl.scenario.portfolio import GENERAL, Portfolio

MAX_PERIODS = 600
"""Of a pilot's history: more would cost hours and teach the same."""
N_CONFIGURATIONS = 4
TASKS = {
    "forecasting": ("bundled", "m5_store_dept", "dominicks_oj", "m4_hourly"),
    "regression": ("tabular_regression",),
    "classification": ("tabular_classification",),
}
"""Panels of each task."""


@dataclass(frozen=True)
class Pilot:
    """One scenario of a panel."""

    name: str
    frame: pd.DataFrame
    problem: Problem


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=list(TASKS))
    parser.add_argument("--pilots", type=int, default=3, help="of each panel")
    parser.add_argument("--trials", type=int, default=6, help="of each candidate's search")
    parser.add_argument("--tried", type=int, default=8, help="configurations per candidate, on every pilot")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=Path("data/benchmarks"))
    parser.add_argument("--output", type=Path, default=Path(str(files("distributed_automl.scenario") / GENERAL)))
    options = parser.parse_args()
    pilots = [
        pilot
        for panel in TASKS[options.task]
        for pilot in pilots_of(panel, options.data, options.cache, options.pilots)
    ]
    before = json.loads(options.output.read_text()) if options.output.exists() else Portfolio().to_json()
    known = Portfolio.from_json(before).configurations
    others = Portfolio({task: of_task for task, of_task in known.items() if task != options.task})
    with threadpool_limits(limits=1):
        searched = search(pilots, options.trials)
        tried = to_try([one for _, found in searched for one in found], {}, max_tried=options.tried)
        trials = [(pilot.name, tried_on(pilot, tried)) for pilot, _ in searched]
    made = make_portfolio(trials_frame(trials), others, options.task, n_configurations=N_CONFIGURATIONS)
    options.output.write_text(json.dumps(made.to_json(), indent=1) + "\n")


def pilots_of(panel: str, data: Path, cache: Path, n_pilots: int) -> Iterator[Pilot]:
    """Yield some scenarios of a panel with their training rows; of a panel of single scenarios some of those."""
    parts = load(panel, data, cache).parts
    forecasting = parts[0].problem["task"] == "forecasting"
    for part in parts[:1] if forecasting else parts[:: max(len(parts) // n_pilots, 1)][:n_pilots]:
        problem = Problem(**part.problem)
        groups = part.train.groupby(list(problem.scenario_keys))
        frames = {
            scenario_id_of(dict(zip(problem.scenario_keys, key, strict=True)), problem): rows for key, rows in groups
        }
        sizes = pd.DataFrame({"scenario_id": list(frames), "n_rows": [len(rows) for rows in frames.values()]})
        for name in choose_pilots(sizes, n_pilots):
            yield Pilot(f"{part.name}/{name}", youngest(frames[name], problem), problem)


def youngest(frame: pd.DataFrame, problem: Problem) -> pd.DataFrame:
    """Return the rows of the last MAX_PERIODS periods; in tabular tasks all."""
    if not problem.is_forecasting:
        return frame
    periods = frame[problem.timestamp].drop_duplicates().sort_values()
    return frame[frame[problem.timestamp].isin(periods.iloc[-MAX_PERIODS:])]


def search(pilots: Iterable[Pilot], n_trials: int) -> list[tuple[Pilot, list[PilotTrial]]]:
    """Search every pilot; those that cannot be modelled are left out."""
    found = []
    for pilot in pilots:
        started = time.process_time()
        try:
            found.append((pilot, search_pilot(arena_of(pilot), AutoML(), n_trials=n_trials)))
            tell(pilot, "searched", f"{time.process_time() - started:.0f} s")
        except ScenarioSkipped as skipped:
            tell(pilot, "skipped", str(skipped))
    return found


def tried_on(pilot: Pilot, tried: dict[str, list[Any]]) -> list[PilotTrial]:
    """Try configurations on a pilot."""
    started = time.process_time()
    trials = try_on_pilot(arena_of(pilot), AutoML(), tried=tried)
    tell(pilot, "tried", f"{len(trials)} configurations, {time.process_time() - started:.0f} s")
    return trials


def arena_of(pilot: Pilot) -> Arena:
    """Return the folds on which a pilot's candidates compete."""
    definitions = definitions_of(pilot.frame, pilot.problem, AutoML())
    return scenario_arena(pilot.frame, pilot.problem, AutoML(), definitions=definitions)


def tell(pilot: Pilot, what: str, more: str) -> None:
    sys.stderr.write(f"{pilot.name} ({len(pilot.frame)} rows): {what}, {more}\n")


if __name__ == "__main__":
    main()
