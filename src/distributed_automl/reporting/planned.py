"""A plan on the terminal: what will be done and why, what it takes, and what will not fit."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distributed_automl.reporting.formats import UNKNOWN, duration, percent, plural
from distributed_automl.reporting.summary import Figures
from distributed_automl.reporting.training import pattern_of
from distributed_automl.tables import are_pools

WIDTH = 100
N_REASONS, N_LARGEST, N_WARNINGS, N_WINNERS = 3, 5, 10, 3
"""Reasons per action, scenarios, warnings and winners of the auction that the terminal names; the tables have all."""
BAR = 24
"""Width of the longest bar, characters."""
ACTIONS = {"fit": "fit", "reuse": "reuse", "skip": "skip", "outside": "leave out"}


def print_plan(
    planned: pd.DataFrame, summary: pd.DataFrame, warnings: pd.DataFrame, console: Console | None = None
) -> None:
    """Print a plan.

    Args:
        planned: rows of PLAN.
        summary: name, value, meaning.
        warnings: subject, trouble, remedy.
        console: where to; None: standard output.
    """
    console = console or Console()
    console = console if console.width <= WIDTH else Console(file=console.file, width=WIDTH)
    figures = Figures(summary)
    parts = (actions(planned), sizes(planned), costs(figures), auction(planned), largest(planned), troubles(warnings))
    for part in parts:
        if part.row_count:
            console.print()
            console.print(part)


def actions(planned: pd.DataFrame) -> Table:
    """Return how many scenarios are fitted, reused, skipped and left out, and why."""
    table = _table("", "Scenarios", "Why")
    scenarios = planned[~are_pools(planned["scenario_id"])]
    for action, word in ACTIONS.items():
        for number, (why, count) in enumerate(_reasons(scenarios[scenarios["action"] == action])):
            table.add_row(word if number == 0 else "", f"{count:,}", Text(why))
    pools = planned[are_pools(planned["scenario_id"]) & (planned["action"] != "outside")]
    for verdict, of_action in pools.groupby("action", sort=True):
        first = of_action.iloc[0]
        told = f"to {ACTIONS[str(verdict)]}, e.g. {first['scenario_id']}: {first['reason']}"
        table.add_row("pools", f"{len(of_action):,}", Text(told), style="dim")
    return table


def _reasons(scenarios: pd.DataFrame) -> Iterator[tuple[str, int]]:
    """Yield the commonest reasons with their counts; one that differs only in names and numbers counts as the same."""
    if scenarios.empty:
        return
    grouped = scenarios.groupby(scenarios["reason"].map(pattern_of))["reason"].agg(["first", "size", "nunique"])
    ordered = grouped.sort_values("size", ascending=False, kind="stable")
    for row in ordered.head(N_REASONS).to_dict("records"):
        one_line = str(row["first"]).splitlines()[0]
        yield one_line if row["nunique"] == 1 else f"e.g. {one_line}", int(row["size"])
    others = ordered.iloc[N_REASONS:]
    if len(others):
        yield plural(len(others), "other reason"), int(others["size"].sum())


def sizes(planned: pd.DataFrame) -> Table:
    """Return the scenarios to fit by the magnitude of their rows, with the core time that each magnitude takes."""
    table = _table("Rows", "Scenarios", "Core time", "")
    fitted = _fitted(planned)
    if fitted.empty:
        return table
    rows = fitted["n_rows"].astype(np.float64)
    bands = rows.clip(lower=1).map(math.log10).astype(int)
    counts, seconds = bands.value_counts(), fitted["estimated_seconds"].astype(np.float64).groupby(bands).sum()
    for band in range(bands.min(), bands.max() + 1):
        count = int(counts.get(band, 0))
        bar = "█" * (max(1, round(BAR * count / counts.max())) if count else 0)
        label = f"{10**band:,} – {10 ** (band + 1) - 1:,}"  # noqa: RUF001 - an en dash, as in a printed table
        table.add_row(label, f"{count:,}", duration(seconds.get(band, 0.0)), Text(bar, "blue"))
    return table


def costs(figures: Figures) -> Table:
    """Return what the plan takes: time, memory, and how far to believe it."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    if figures.count("plan.n_fit") + figures.count("plan.n_pools") == 0:
        table.add_row("Cost", "none: there is nothing to fit")
        return table
    hosts = plural(figures.count("cluster.n_hosts"), "host")
    table.add_row("Core time", duration(3600 * figures["plan.core_hours"]))
    table.add_row(
        "Wall time",
        f"about {duration(figures['plan.wall_seconds'])} on {plural(figures.count('cluster.n_cores'), 'core')} of "
        f"{hosts}, in {plural(figures.count('plan.n_waves'), 'wave')}; the longest fit takes "
        f"{duration(figures['plan.longest_seconds'])}",
    )
    table.add_row(
        "Memory",
        f"up to {megabytes(figures['plan.fit_memory_mb'])} for one fit, "
        f"{megabytes(figures['plan.host_memory_needed_mb'])} for as many as a host works on at once; the smallest host "
        f"has {megabytes(figures['cluster.host_memory_mb'])}",
    )
    table.add_row("Estimated", estimated(figures))
    return table


def estimated(figures: Figures) -> str:
    """Say what the estimates come from, and how good they were so far."""
    sources = {
        "own": "from the latest fit of the same scenario",
        "rows": "from rows, at the pace of recorded fits",
        "guess": "from rows alone",
    }
    shares = {name: figures[f"estimate.share_{name}"] for name in sources}
    told = [f"{percent(share, 0)} {sources[name]}" for name, share in shares.items() if share > 0]
    factor = figures["estimate.factor"]
    if shares["guess"] == 1.0:
        return "from rows alone, since no fit is recorded yet: it may be several times more or less"
    known = f"half of the recorded fits lie within a factor of {factor:.2g} of such estimates"
    return "; ".join([", ".join(told), *([known] if np.isfinite(factor) else [])])


def auction(planned: pd.DataFrame) -> Table:
    """Return who gets trials beyond the usual ones, and what they are expected to bring; nothing if nobody does."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    fitted = _fitted(planned)
    won = fitted[fitted["n_trials"].notna()].sort_values(["n_trials", "scenario_id"], ascending=[False, True])
    if len(won):
        named = ", ".join(
            f"{row['scenario_id']} ({row['n_trials']:.0f})" for row in won.head(N_WINNERS).to_dict("records")
        )
        gains = won["expected_gain"].dropna().astype(np.float64)
        gain = f"by {gains.sum():.3g} on the folds" if len(gains) else "by how much, no recorded search tells yet"
        told = f"{len(won):,} of {len(fitted):,} get more trials per candidate than usual, most {named}; expected to "
        table.add_row("Auction", Text(f"{told}better the fleet's objective {gain}"))
    return table


def largest(planned: pd.DataFrame) -> Table:
    """Return the costliest fits."""
    table = _table("Costliest fits", "Rows", "Time", "Memory", "Wave")
    fitted = planned[planned["action"] == "fit"]
    costliest = fitted.sort_values(["estimated_seconds", "scenario_id"], ascending=[False, True]).head(N_LARGEST)
    for row in costliest.to_dict("records"):
        table.add_row(
            Text(row["scenario_id"]),
            f"{row['n_rows']:,.0f}",
            duration(row["estimated_seconds"]),
            megabytes(row["estimated_memory_mb"]),
            f"{row['wave']:.0f}",
        )
    return table


def troubles(warnings: pd.DataFrame) -> Table:
    """Return what will not fit, and what is done about it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold yellow", title_justify="left")
    table.add_column(f"Will not fit ({len(warnings):,})", overflow="fold")
    table.add_column("What is done about it", overflow="fold")
    for row in warnings.head(N_WARNINGS).to_dict("records"):
        table.add_row(Text(f"{row['subject']}: {row['trouble']}".removeprefix(": ")), Text(row["remedy"]))
    if len(warnings) > N_WARNINGS:
        table.add_row(f"and {len(warnings) - N_WARNINGS:,} more: see plan_warnings", "")
    return table


def megabytes(value: float) -> str:
    """Write an amount of memory: 1536 gives "1.5 GB"."""
    if not np.isfinite(value):
        return UNKNOWN
    return f"{value:,.0f} MB" if value < 1024 else f"{value / 1024:,.1f} GB"


def _fitted(planned: pd.DataFrame) -> pd.DataFrame:
    return planned[(planned["action"] == "fit") & ~are_pools(planned["scenario_id"])]


def _table(first: str, *others: str) -> Table:
    """Return an empty table: names to the left, numbers to the right, a column for words or bars at the end."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(first, overflow="fold", min_width=14)
    for name in others:
        is_words = name in ("", "Why")
        table.add_column(name, justify="left" if is_words else "right", no_wrap=not is_words, overflow="fold")
    return table
