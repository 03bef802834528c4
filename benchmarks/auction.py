"""The budget auction beside the same number of trials spread evenly, on the tabular panels.

    .venv/bin/python -m benchmarks.auction --seeds 2

Each panel is taken for a fleet: every table is fitted with the usual trials, their records are what the auction goes
by, and then every table is fitted again, with trials that are dealt out and with trials that are spread. The panel's
own measure says what came of it on rows that no fit has seen. Twice: as the program searches by default, and with
LightGBM alone, where little but the search can help. One thread; prints a table.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from benchmarks.accuracy.panel import Panel, Part
from benchmarks.accuracy.panels import DATA, load
from threadpoolctl import threadpool_limits

from distributed_automl.fleet.auction import RECORD_COLUMNS, deal
from distributed_automl.parameters import Auction, AutoML, Problem
from distributed_automl.scenario.attempt import StoredModel, attempt_fit, attempt_predict, preload
from distributed_automl.scenario.fit import definitions_of

PANELS = ("tabular_regression", "tabular_classification")
USUAL, EXTRA, MOST = 4, 8, 32
"""Trials per candidate: that all have, that are added on average, and that one table may have."""
SEARCHES: dict[str, dict[str, Any]] = {
    "default": {},
    "LightGBM alone, no portfolio, no ensemble": {
        "candidates": ("lightgbm", "lightgbm_classifier"),
        "tuning": {"portfolio": False},
        "ensemble": {"enabled": False},
    },
}
HEADER = (
    "panel", "search", "trials per candidate", "tables with more", "trials", "error on the folds", "error asked for",
    "CPU-seconds",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--panels", nargs="+", default=PANELS, choices=PANELS)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--cache", type=Path, default=Path("data/benchmarks"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    with threadpool_limits(limits=1):
        preload()
        for name in options.panels:
            panel = load(name, options.data, options.cache)
            for search, automl in SEARCHES.items():
                runs = [compare(panel, AutoML(seed=seed, **automl)) for seed in range(options.seeds)]
                rows += [[name, search, *row] for row in averaged(runs)]
    sys.stdout.write(table_of(rows))


def compare(panel: Panel, automl: AutoML) -> list[list[Any]]:
    """Return a row for the usual trials, for those spread evenly, and for those dealt out."""
    fit = cache(lambda number, n_trials: outcome(panel, number, automl.with_trials(n_trials)))
    usual = [USUAL] * len(panel.parts)
    records = records_of(fit(number, USUAL) for number in range(len(panel.parts)))
    budget = EXTRA * int(records["n_searched"].sum())
    bidders = pd.DataFrame({"scenario_id": records.index, "weight": weights_of(panel)})
    dealt = deal(bidders, records, Auction(enabled=True, n_trials=budget, max_trials=MOST), usual=USUAL)
    by_auction = [int(n_trials or USUAL) for n_trials in dealt["n_trials"]]
    sys.stderr.write(f"{panel.name}, seed {automl.seed}: {dict(zip(records.index, by_auction, strict=True))}\n")
    ways = {"usual": usual, "spread evenly": [USUAL + EXTRA] * len(usual), "dealt out": by_auction}
    return [[way, *summed(panel, trials, fit)] for way, trials in ways.items()]


def weights_of(panel: Panel) -> list[float]:
    """Return what an error of each table counts, so that tables of any unit count alike; as the measures do."""
    if panel.parts[0].problem["task"] == "classification":
        scales = [shares_entropy(part) for part in panel.parts]
    else:
        scales = [float(part.train[part.problem["target"]].std(ddof=0)) for part in panel.parts]
    return [1.0 / (len(scales) * scale) for scale in scales]


def shares_entropy(part: Part) -> float:
    shares = part.train[part.problem["target"]].value_counts(normalize=True)
    return float(-(shares * np.log(shares)).sum())


def outcome(panel: Panel, number: int, automl: AutoML) -> dict[str, Any]:
    """Fit one table and predict the rows asked for."""
    part = panel.parts[number]
    problem = Problem(**part.problem)
    definitions = definitions_of(part.train, problem, automl)
    started = time.process_time()
    fit = attempt_fit(part.train, problem, automl, scenario_id=part.name, definitions=definitions)
    seconds = time.process_time() - started
    model = StoredModel(fit["model"], fit["model_digest"], "benchmark")
    asked = attempt_predict(part.asked, problem, scenario_id=part.name, champion=model)
    answer = asked.rename(columns={"sample_id": part.row_keys[-1]}).assign(table=part.name)
    if problem.is_classification:
        answer["probabilities"] = [json.dumps(dict(row)) for row in answer["probabilities"]]
    board = json.loads(fit["leaderboard"])
    return {
        "name": part.name,
        "board": board,
        "on_folds": -max(row["gain"] for row in board),
        "answer": answer,
        "n_trials": fit["n_trials"],
        "seconds": seconds,
    }


def records_of(fits: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return what the auction goes by, as `read_records` reads it from a ledger; both objectives are errors."""
    rows = {}
    for fit in fits:
        tuned = [row for row in fit["board"] if row["n_trials"] > 0]
        n_trials = max(row["n_trials"] for row in tuned)
        searched = [row for row in tuned if row["n_trials"] > 1]
        seconds = sum(row["seconds"] / row["n_trials"] for row in searched)
        first, best = (-max(row[name] for row in tuned) for name in ("first_gain", "gain"))
        rows[fit["name"]] = (first, best, n_trials, len(searched), seconds)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(RECORD_COLUMNS))


def summed(panel: Panel, trials: list[int], fit: Callable[[int, int], dict[str, Any]]) -> list[float]:
    """Fit all tables and return the figures of HEADER, from the fourth on."""
    fits = [fit(number, n_trials) for number, n_trials in enumerate(trials)]
    on_folds = float(np.dot(weights_of(panel), [one["on_folds"] for one in fits]))
    asked_for = panel.evaluate([one["answer"] for one in fits])
    more = sum(n_trials > USUAL for n_trials in trials)
    return [more, sum(one["n_trials"] for one in fits), on_folds, asked_for, sum(one["seconds"] for one in fits)]


def averaged(runs: list[list[list[Any]]]) -> list[list[Any]]:
    """Return the mean of several seeds' rows, way by way."""
    return [[way, *np.mean([row[1:] for row in rows], axis=0)] for way, rows in _by_way(runs)]


def _by_way(runs: list[list[list[Any]]]) -> Iterable[tuple[str, list[list[Any]]]]:
    return [(rows[0][0], list(rows)) for rows in zip(*runs, strict=True)]


def table_of(rows: list[list[Any]]) -> str:
    """Return the table in Markdown."""
    digits = (0, 0, 4, 4, 1)
    lines = [
        [*row[:3], *(f"{value:,.{n_digits}f}" for value, n_digits in zip(row[3:], digits, strict=True))] for row in rows
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in [HEADER, ["---"] * len(HEADER), *lines]) + "\n"


if __name__ == "__main__":
    main()
