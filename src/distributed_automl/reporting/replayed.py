"""A replay on the terminal: what was recorded, what came out now, and why if they differ."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distributed_automl.reporting.formats import UNKNOWN, number, plural

DIGEST_LENGTH = 12
OUTCOME = ("status", "stage", "error_type", "message", "estimator", "n_samples", "model_digest")
N_SAME = 6
"""Measures that the terminal lists although they are the same."""
N_ROWS = 7
"""Predictions that the terminal lists."""


def print_replay(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    differing: Sequence[str],
    reasons: Sequence[str],
    console: Console,
) -> None:
    """Print a fit's outcome then and now.

    Args:
        then: its recorded row of FITS.
        now: the same columns as they came out now.
        differing: the columns that are not the same.
        reasons: why they may not be.
        console: where to.
    """
    table = _comparison()
    for name in OUTCOME:
        if not (_is_null(then[name]) and _is_null(now[name])):
            _compare(table, name, _text(name, then[name]), _text(name, now[name]), name in differing)
    old, new = ({**_as_dict(one["metrics"]), **_as_dict(one["kpis"])} for one in (then, now))
    _compare_measures(table, old, new)
    console.print(Text(f"\nThe fit of {then['scenario_id']} by the run {then['run_id']}\n", "bold"))
    console.print(table)
    _print_verdict(differing, reasons, console)


def print_prediction_replay(
    then: pd.DataFrame, now: pd.DataFrame, differing: Sequence[str], reasons: Sequence[str], console: Console
) -> None:
    """Print a scenario's predictions then and now.

    Args:
        then: its recorded rows of `predictions`.
        now: the same columns as they came out now.
        differing: the columns that are not the same.
        reasons: why they may not be.
        console: where to.
    """
    value = "predicted_value" if "predicted_value" in now else "predicted_class"
    table = _comparison()
    paired = then[["sample_id", value]].merge(now[["sample_id", value]], "outer", on="sample_id", suffixes=("", "_now"))
    for sample_id, old, new in paired.head(N_ROWS).itertuples(index=False):
        _compare(table, str(sample_id), _value(old), _value(new), value in differing and old != new)
    if len(paired) > N_ROWS:
        table.add_row(f"and {len(paired) - N_ROWS:,} more", "", "")
    first = then.iloc[0]
    title = f"{plural(len(then), 'prediction')} of {first['scenario_id']} by the run {first['prediction_run_id']}"
    rungs = ", ".join(sorted(set(now["rung"])))
    console.print(Text(f"\n{title}, from {first['origin']}, by {rungs}\n", "bold"))
    console.print(table)
    _print_verdict(differing, reasons, console)


def _print_verdict(differing: Sequence[str], reasons: Sequence[str], console: Console) -> None:
    if not differing:
        console.print(Text("\nThe same as recorded, to the last bit.\n", "green"))
        return
    console.print(Text(f"\nNot the same as recorded: {', '.join(differing)}", "yellow"))
    for reason in reasons:
        console.print(Text(f"  {reason}"))
    console.print()


def _comparison() -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("", overflow="fold")
    table.add_column("Then", overflow="fold")
    table.add_column("Now", overflow="fold")
    return table


def _compare(table: Table, name: str, then: str, now: str, differs: bool) -> None:
    table.add_row(Text(name), Text(then), Text(now, "yellow" if differs else ""))


def _compare_measures(table: Table, then: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Add what differs, and as many of the others as make a picture; the baseline's are the last of them."""
    names = sorted(dict.fromkeys((*then, *now)), key=lambda name: name.startswith("baseline_"))
    differing = [name for name in names if then.get(name) != now.get(name)]
    same = [name for name in names if name not in differing]
    for name in (*differing, *same[:N_SAME]):
        _compare(table, name, _value(then.get(name)), _value(now.get(name)), name in differing)
    if len(same) > N_SAME:
        table.add_row(Text(f"and {plural(len(same) - N_SAME, 'measure')} more", "dim"), "", Text("the same", "dim"))


def _text(name: str, value: Any) -> str:
    if name == "model_digest" and isinstance(value, str):
        return value[:DIGEST_LENGTH]
    return _value(value)


def _value(value: Any) -> str:
    if _is_null(value):
        return UNKNOWN
    return number(float(value)) if isinstance(value, int | float) else str(value)


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _as_dict(values: Any) -> dict[str, Any]:
    return {} if _is_null(values) else dict(values)
