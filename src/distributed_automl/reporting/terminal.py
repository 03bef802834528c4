"""The last words of a run: what a person wants to know, on the terminal."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distributed_automl.parameters import Problem, Reporting
from distributed_automl.reporting.formats import UNKNOWN, duration, money, percent, plural
from distributed_automl.reporting.page import verdict
from distributed_automl.reporting.summary import Figures

N_REASONS = 3
"""Reasons that the terminal names for scenarios without a model; the report has all."""


def print_summary(
    summary: pd.DataFrame, reasons: pd.DataFrame, problem: Problem, reporting: Reporting, console: Console | None = None
) -> None:
    """Print scenarios, accuracy, money, and where everything is."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _lines(Figures(summary), reasons, problem, reporting):
        table.add_row(name, Text(text))
    console = console or Console()
    console.print()
    console.print(table)


def _lines(
    figures: Figures, reasons: pd.DataFrame, problem: Problem, reporting: Reporting
) -> Iterator[tuple[str, str]]:
    yield "Scenarios", _scenarios(figures)
    for row in reasons.head(N_REASONS).itertuples():
        yield "", f"{row.n_scenarios} {row.status}: e.g. {_one_line(row.example)}"
    yield "Accuracy", verdict(figures, problem)
    if figures.judged("share_better") >= 0:
        n_judged = plural(round(figures.judged("n_scenarios_judged")), "scenario")
        yield "", f"Better than the baseline in {percent(figures.judged('share_better'), 0)} of {n_judged}"
        yield "Saved", f"{money(figures.judged('money_saved'), reporting.currency)} against the baseline's errors"
    if figures["holdout.share_value_added"] >= 0:
        yield "Value added", _value_added(figures, problem)
    if figures.coverages():
        found = ", ".join(f"{level}% holds {percent(share)}" for level, share in figures.coverages().items())
        yield "Intervals", found
    if figures.count("training.n_fitted"):
        yield "Training", f"{duration(figures['training.fit_seconds'])} of core time"
    yield from _places(reporting)


def _value_added(figures: Figures, problem: Problem) -> str:
    share, middle = figures["holdout.share_value_added"], figures["holdout.fva.p50"]
    words = f"{percent(share, 0)} of scenarios beat the baseline on their holdout, by {problem.objective}"
    return f"{words}; half of all by {percent(middle)} or more"


def _scenarios(figures: Figures) -> str:
    statuses = ("fitted", "reused", "skipped", "failed")
    parts = [f"{figures.count(f'training.n_{status}'):,} {status}" for status in statuses]
    return f"{figures.count('training.n_planned'):,} planned: {', '.join(parts)}"


def _one_line(text: object) -> str:
    return next(iter(str(text).splitlines()), UNKNOWN)


def _places(reporting: Reporting) -> Iterator[tuple[str, str]]:
    yield from ((name, place) for name, place in _files(reporting) if place)
    yield "MLflow", f"{kedro_command()} mlflow ui, then http://127.0.0.1:5000"
    yield "Kedro-Viz", f"{kedro_command()} viz run, then http://127.0.0.1:4141"


def _files(reporting: Reporting) -> Iterator[tuple[str, str]]:
    yield "Predictions", nearby(reporting.predictions)
    yield "Report", nearby(reporting.report)


def nearby(place: str) -> str:
    """Write a path below the working directory relative to it; anything else, and any URI, as it is."""
    path = Path(place)
    return str(path.relative_to(Path.cwd())) if place and path.is_relative_to(Path.cwd()) else place


def kedro_command() -> str:
    """Return how to call kedro from here: by its name, after activating this environment if it is not active."""
    folder = Path(sys.executable).parent
    is_active = shutil.which("kedro") == str(folder / "kedro") or not (folder / "activate").exists()
    return "kedro" if is_active else f". {nearby(str(folder / 'activate'))} && kedro"
