"""The program and a bare process pool, side by side: what they took, as a table and as a page."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from project_runs import Start, Usage

HEADER = ["", "wall seconds", "ratio", "CPU-seconds", "ratio"]


@dataclass
class Ways:
    """What each round of a benchmark took.

    Attributes:
        name: of the program's command.
        program: of the program, the start of the JVM included.
        bare: of the bare pool.
        jvm: of the start of the JVM alone.
    """

    name: str
    program: "list[Usage]" = field(default_factory=list)
    bare: "list[Usage]" = field(default_factory=list)
    jvm: "list[Start]" = field(default_factory=list)

    def table(self) -> tuple[list[str], list[list[object]]]:
        """Return header and rows: medians over the rounds, and their ratios to the bare pool."""
        bare, program, jvm = map(_medians, (self.bare, self.program, self.jvm))
        without = [whole - start for whole, start in zip(program, jvm, strict=True)]
        rows = (
            ("bare process pool", bare),
            (f"{self.name}, without the JVM's start", without),
            ("start of the JVM", jvm),
        )
        return HEADER, [[name, *_beside(taken, bare)] for name, taken in rows]


def _medians(taken: "Sequence[Usage] | Sequence[Start]") -> list[float]:
    """Return seconds and CPU-seconds."""
    return [median(one.seconds for one in taken), median(one.cpu_seconds for one in taken)]


def _beside(taken: Sequence[float], bare: Sequence[float]) -> list[float]:
    """Return seconds, ratio, CPU-seconds, ratio."""
    return [value for one, other in zip(taken, bare, strict=True) for value in (one, one / other)]


def keep(page: Path, text: str, ways: Ways, told: Sequence[Sequence[object]]) -> None:
    """Write a page: what was done, the table, and what else is worth telling."""
    header, rows = ways.table()
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for name, *values in rows:
        cells = (f"{value:.3f}" if column % 2 else f"{value:,.1f}" for column, value in enumerate(values))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    facts = "; ".join(f"{name}: {_written(value)}" for name, value in told)
    page.write_text(
        f"{text}\n{os.cpu_count()} shared cores, Python {platform.python_version()}, rounds: {len(ways.bare)}, of "
        "which the median is shown.\nCPU-seconds do not count what else the machine did meanwhile; wall time does.\n\n"
        + "\n".join(lines)
        + f"\n\n{facts}.\n"
    )


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:,}" if isinstance(value, int) else str(value)
