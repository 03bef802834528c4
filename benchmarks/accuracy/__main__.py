"""Accuracy of the program beside its peers, over CPU-seconds, on several panels.

    .venv/bin/python -m benchmarks.accuracy [--panels m5_store_dept] [--methods distributed-automl auto_ets] [--keep]

Every method answers in a process of its own, one after another, and sees the same rows. The tables are printed and,
with the curves, written under docs/benchmarks/. The peers' environments are made on first use under build/peers. With
--keep the tables also hold what other methods answered in earlier runs, and say so; with --resume nothing is measured
again that was measured before.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.accuracy.answers import Answer, ask, export, kept
from benchmarks.accuracy.methods import BUDGETS, ENVIRONMENTS, METHODS, make_environment
from benchmarks.accuracy.page import summary_table, write_page
from benchmarks.accuracy.panel import Panel
from benchmarks.accuracy.panels import DATA, PANELS, load
from benchmarks.accuracy.tables import statement, summary
from benchmarks.project_runs import PROJECT


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(argv)
    run = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    for name in arguments.panels:
        try:
            panel = load(name, arguments.data, arguments.cache)
        except FileNotFoundError as missing:
            say(f"{name}: skipped: {missing}; --data names the folder of the panels' data")
            continue
        answers = list(answers_to(panel, arguments, run))
        if answers:
            table = summary(panel, answers, run)
            page = write_page(panel, table, answers, arguments.output)
            say(f"\n{name}\n\n{summary_table(panel, table)}\n\n{statement(table)}\n{page}\n")


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--panels", nargs="+", choices=PANELS, default=list(PANELS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--budgets", nargs="+", choices=BUDGETS, default=list(BUDGETS))
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the panels' data")
    parser.add_argument("--cache", type=Path, default=PROJECT / "data/benchmarks", help="keeps answers between runs")
    parser.add_argument("--environments", type=Path, default=ENVIRONMENTS, help="the peers' virtual environments")
    parser.add_argument("--output", type=Path, default=PROJECT / "docs/benchmarks", help="where the pages are written")
    parser.add_argument("--keep", action="store_true", help="show earlier answers of the methods not chosen")
    parser.add_argument("--resume", action="store_true", help="measure only what was never measured; implies --keep")
    return parser.parse_args(argv)


def answers_to(panel: Panel, arguments: argparse.Namespace, run: str) -> Iterable[Answer]:
    """Yield the answers of the chosen methods and, with --keep or --resume, those that others gave before."""
    exported = export(panel, arguments.cache / "panels" / panel.name)
    for name, budget in pairs(panel):
        output = arguments.cache / "answers" / panel.name / f"{name}-{budget}"
        chosen = name in arguments.methods and budget in arguments.budgets
        is_there = (output / "measured.json").exists()
        if chosen and not (is_there and arguments.resume):
            is_there = measure(name, budget, exported, output, environments=arguments.environments, run=run)
        elif not (arguments.keep or arguments.resume):
            continue
        if is_there:
            yield kept(name, budget, panel, output)


def pairs(panel: Panel) -> list[tuple[str, str]]:
    """Return the methods that can answer the panel, with their budgets."""
    tasks = {part.problem["task"] for part in panel.parts}
    able = {name: method for name, method in METHODS.items() if tasks <= method.tasks}
    return [(name, budget) for name, method in able.items() for budget in method.budgets]


def measure(name: str, budget: str, exported: Path, output: Path, *, environments: Path, run: str) -> bool:
    """Let one method answer; False, and a line that says why, if it cannot."""
    say(f"{exported.name}: {name}, {budget} budget")
    environment = METHODS[name].environment
    try:
        if environment is not None:
            make_environment(environment, environments)
        ask(name, budget, exported, output, environments=environments, run=run)
    except subprocess.CalledProcessError as error:
        say(f"{exported.name}: {name} ended with exit code {error.returncode}: see {output / 'log'}")
        return False
    return True


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
