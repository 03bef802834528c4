"""The page of one panel: its table, the curve of accuracy over CPU-seconds, and what they say."""

import platform
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import pandas as pd
from benchmarks.accuracy.answers import Answer
from benchmarks.accuracy.methods import METHODS, PROGRAM
from benchmarks.accuracy.panel import Panel
from benchmarks.accuracy.tables import by_part, duels, statement

HEADERS = {
    "method": "method",
    "budget": "budget",
    "score": "",
    "cpu_seconds": "CPU-seconds",
    "cpu_per_scenario": "per scenario",
    "peak_mb": "peak MB",
    "model_kb": "model kB per scenario",
    "coverage_80": "coverage 80",
    "coverage_95": "coverage 95",
    "beats_naive": "beats seasonal naive",
    "not_dominated": "not dominated",
    "measured": "measured",
}
DIGITS = {"cpu_seconds": 1, "cpu_per_scenario": 2, "peak_mb": 0, "model_kb": 1, "beats_naive": 2}
COLORS = ["#7f7f7f", "#4e79a7", "#59a14f", "#edc948", "#b07aa1", "#e15759"]
OURS = "#d1495b"


def markdown(rows: pd.DataFrame, headers: Sequence[str]) -> str:
    """Return a table in Markdown; NaN is empty."""
    lines = ["| " + " | ".join(headers) + " |", "|" + "---|" * len(headers)]
    for row in rows.itertuples(index=False):
        cells = [cell(name, value) for name, value in zip(rows.columns, row, strict=True)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:,.{DIGITS.get(name, 3)}f}"
    return str(value)


def summary_table(panel: Panel, table: pd.DataFrame) -> str:
    """Return the main table in Markdown."""
    headers = [HEADERS[name] or panel.measure.name for name in HEADERS]
    return markdown(table[list(HEADERS)], headers)


def write_page(panel: Panel, table: pd.DataFrame, answers: Sequence[Answer], folder: Path) -> Path:
    """Write `accuracy-<panel>.md` and, where matplotlib is at hand, its plot; return the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    plot = folder / f"accuracy-{panel.name}.svg"
    drawn = draw_curve(panel, table, plot)
    n_rows = sum(len(part.train) for part in panel.parts)
    n_scenarios = sum(part.n_scenarios for part in panel.parts)
    asked = sum(len(part.actuals) for part in panel.parts)
    sections = [
        f"# Accuracy: {panel.name}",
        f"{n_scenarios} scenarios, {n_rows:,} training rows, {asked:,} rows asked for. Measure: {panel.measure.name}; "
        f"lower is better. Known in advance: {panel.known}. One process per method, one thread, "
        f"Python {platform.python_version()}. Written by `python -m benchmarks.accuracy`; "
        "[what is measured, and how](accuracy.md).",
        summary_table(panel, table),
        statement(table),
    ]
    if drawn:
        sections.append(f"![{panel.measure.name} over CPU-seconds]({plot.name})")
    sections += costs_of_program(answers)
    if any(answer.method == PROGRAM for answer in answers):
        duel = duels(panel, answers)
        sections += ["Scenarios in which the program is level (within 1%) or better:", markdown(duel, list(duel))]
    if len(panel.parts) > 1:
        parts = by_part(panel, answers)
        sections += [f"{panel.measure.name} by part:", markdown(parts, list(parts))]
    page = folder / f"accuracy-{panel.name}.md"
    page.write_text("\n\n".join(sections) + "\n")
    return page


def costs_of_program(answers: Sequence[Answer]) -> list[str]:
    """Say what one scenario costs the program, at each of its budgets."""
    sentences = []
    for answer in answers:
        details = answer.details
        if details is None:
            continue
        fitted = details[details["status"] == "fitted"]
        sentences.append(
            f"{answer.method}, {answer.budget} budget: {len(fitted)} of {len(details)} scenarios fitted; the median "
            f"model has {fitted['model_bytes'].median() / 1000.0:.0f} kB, loads in {fitted['load_ms'].median():.1f} ms "
            f"and took {fitted['cpu_seconds'].median():.2f} CPU-seconds; the slowest {fitted['cpu_seconds'].max():.1f}."
        )
    return sentences


def draw_curve(panel: Panel, table: pd.DataFrame, path: Path) -> bool:
    """Draw accuracy over CPU-seconds with the front of what no other point dominates; False without matplotlib."""
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        return False
    with mpl.rc_context({"svg.hashsalt": panel.name, "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(8.0, 4.5), layout="constrained")
        axes = figure.subplots()
        front = table[table["not_dominated"]].sort_values("cpu_seconds")
        axes.step(front["cpu_seconds"], front["score"], where="post", color="#bbbbbb", linewidth=1, zorder=1)
        others = [name for name in METHODS if name != PROGRAM]
        palette = {PROGRAM: OURS, **dict(zip(others, cycle(COLORS), strict=False))}
        for method, rows in table.sort_values("cpu_seconds").groupby("method", sort=False):
            axes.plot(
                rows["cpu_seconds"], rows["score"], "o-", color=palette[method], label=method,
                linewidth=2.2 if method == PROGRAM else 1.2, markersize=7 if method == PROGRAM else 5,
            )  # fmt: skip
        axes.set(xscale="log", xlabel="CPU-seconds, fit and predict", ylabel=panel.measure.name, title=panel.name)
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside right upper", frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None})
    return True
