"""What a scenario costs in fleets of all sizes: made scenarios, small and cheap to fit, one real one in fifty.

    .venv/bin/python benchmarks/scale.py [--sizes 1000 10000 100000]

Each size is one `kedro run --pipelines=train` on a data folder of its own. A run of 100 scenarios stands for what every
run costs (Python, the JVM, the pool), and is taken off. CPU-seconds are those of the run's own processes, so that
whatever else the machine does does not count. Table and plot are kept under docs/benchmarks/.
"""

import argparse
import os
import platform
import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pandas as pd
from made_panel import AUTOML, PLAN, catalog, parameters, real_scenarios, small_scenarios, write_table
from project_runs import PROJECT, Usage, prepare, print_table, read_fits, watched_run

SIZES = (1_000, 10_000, 100_000)
BASE = 100
REAL_SHARE = 0.02
CHEAP = AUTOML | {"synthesis": {**AUTOML["synthesis"], "max_features": 4}}
"""The cheaper a fit, the more of the time is the fleet's own; and 100,000 of them are to be done within the hour."""
PAGE = PROJECT / "docs" / "benchmarks" / "scale.md"
HEADER = [
    "scenarios", "rows", "wall seconds", "CPU-seconds", "wall ms per scenario", "CPU-ms per scenario",
    "against the first", "driver MB", "JVM MB", "outcomes", "waves",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    base, _ = run_fleet(BASE)
    rows: list[list[object]] = []
    for size in arguments.sizes:
        usage, told = run_fleet(size)
        wall, cpu = (
            1000 * (getattr(usage, name) - getattr(base, name)) / (size - BASE) for name in ("seconds", "cpu_seconds")
        )
        ratio = cpu / float(rows[0][5]) if rows else 1.0
        taken = [usage.seconds, usage.cpu_seconds, wall, cpu, ratio, usage.driver_mb, usage.jvm_mb]
        rows.append([size, told["rows"], *taken, told["outcomes"], told["waves"]])
        print_table(HEADER, rows)
        keep(arguments.page, base, rows)


def run_fleet(n_scenarios: int) -> tuple[Usage, dict[str, int]]:
    """Train a fleet; return what it took, and how many rows, outcomes and waves there were."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        n_real = round(REAL_SHARE * n_scenarios)
        frames = chain(small_scenarios(n_scenarios - n_real), real_scenarios(n_real))
        n_rows = write_table(frames, root / "master_df")
        conf = prepare(root, parameters(plan=PLAN, automl=CHEAP), catalog(root))
        usage = watched_run(conf, "--pipelines=train", "--from-inputs=master_df")
        fits = read_fits(root / "data", ["scenario_id", "wave", "status"])
    if not (fits["status"] == "fitted").sum() == fits["scenario_id"].nunique() == len(fits) == n_scenarios:
        raise ValueError(f"{n_scenarios} scenarios, {len(fits)} outcomes: {fits['status'].value_counts().to_dict()}")
    return usage, {"rows": n_rows, "outcomes": len(fits), "waves": fits["wave"].nunique()}


def keep(page: Path, base: Usage, rows: Sequence[Sequence[object]]) -> None:
    """Write the page and its plot."""
    page.parent.mkdir(parents=True, exist_ok=True)
    lines = ["| " + " | ".join(HEADER) + " |", "|" + "---|" * len(HEADER)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    page.write_text(
        "# What a scenario costs in fleets of all sizes\n\n"
        "`benchmarks/scale.py`: made scenarios of 42 days, one real one of up to a year in fifty, each with a model of "
        "its own: ridge\non four features, beside the seasonal baseline. One `kedro run --pipelines=train` for each "
        f"size, {os.cpu_count()} shared cores,\nPython {platform.python_version()}. A run of {BASE} scenarios took "
        f"{base.seconds:.0f} s of wall time and {base.cpu_seconds:.0f} CPU-seconds (Python, the JVM, the pool); that\n"
        "is taken off before it is divided by the scenarios. CPU-milliseconds do not count what else the machine did "
        f"meanwhile; wall\ntime does.{grown(rows)}\n\n"
        + "\n".join(lines)
        + f"\n\n![CPU-milliseconds per scenario]({page.stem}.svg)\n"
    )
    draw(page.with_suffix(".svg"), pd.DataFrame(rows, columns=HEADER))


def grown(rows: Sequence[Sequence[object]]) -> str:
    """Say what the largest fleet costs beside the smallest, in time and in memory; nothing if there is but one."""
    first, last = (dict(zip(HEADER, row, strict=True)) for row in (rows[0], rows[-1]))
    n_more = int(str(last["scenarios"])) - int(str(first["scenarios"]))
    if not n_more:
        return ""
    less = 1 - float(str(last["against the first"]))
    kilobytes = 1024 * (float(str(last["driver MB"])) - float(str(first["driver MB"]))) / n_more
    return (
        f" In the largest fleet a scenario took {abs(less):.0%} {'less' if less > 0 else 'more'} CPU-time\nthan in the "
        "smallest. No sample, model or leaderboard comes to the driver, but a row of plan and scores of each scenario "
        f"does:\nits Python grew by {kilobytes:.1f} kB a scenario."
    )


def cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}" if value < 10 else f"{value:,.0f}"
    return f"{value:,}"


def draw(path: Path, table: pd.DataFrame) -> None:
    """Draw cost per scenario and the driver's memory over the size of the fleet."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("CPU-ms per scenario", "driver MB"), strict=True):
        axes.plot(table["scenarios"], table[name], marker="o", color="#d1495b")
        axes.set(xscale="log", xlabel="scenarios", ylabel=name, ylim=(0, 1.3 * table[name].max()))
        axes.grid(alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
