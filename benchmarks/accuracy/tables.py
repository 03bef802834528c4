"""What the answers to one panel come to: one row per method and budget, and who is dominated by whom."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from benchmarks.accuracy.answers import Answer
from benchmarks.accuracy.methods import PROGRAM
from benchmarks.accuracy.panel import Panel, answered

NAIVE = "seasonal_naive"
LEVELS = (80, 95)
LEVEL_WITHIN = 0.01
"""Share by which a measure may be worse and still count as level."""


def summary(panel: Panel, answers: Sequence[Answer], run: str) -> pd.DataFrame:
    """Return one row per answer, best first.

    Columns: method, budget, score (the panel's measure), cpu_seconds, cpu_per_scenario, peak_mb, model_kb (per
    scenario), coverage_80, coverage_95, beats_naive (share of scenarios; NaN without the naive), measured,
    not_dominated.
    """
    by_scenario = {(one.method, one.budget): panel.by_scenario(one.predictions) for one in answers}
    naive = next((scores for (method, _), scores in by_scenario.items() if method == NAIVE), None)
    n_scenarios = sum(part.n_scenarios for part in panel.parts)
    rows = [
        {
            "method": one.method,
            "budget": one.budget,
            "score": panel.evaluate(one.predictions),
            "cpu_seconds": one.costs["cpu_seconds"],
            "cpu_per_scenario": one.costs["cpu_seconds"] / n_scenarios,
            "peak_mb": one.costs["peak_mb"],
            "model_kb": one.costs["model_bytes"] / n_scenarios / 1000.0,
            **{f"coverage_{level}": coverage(panel, one, level) for level in LEVELS},
            "beats_naive": share_better(by_scenario[one.method, one.budget], naive),
            "measured": "this run" if one.run == run else one.run,
        }
        for one in answers
    ]
    table = pd.DataFrame(rows).sort_values("score", ignore_index=True)
    return table.assign(not_dominated=front(table))


def coverage(panel: Panel, answer: Answer, level: int) -> float:
    """Return the share of actuals inside the interval, of the rows that have one; NaN without intervals."""
    lower, upper = f"lower_{level}", f"upper_{level}"
    if any(not {lower, upper} <= set(frame) for frame in answer.predictions):
        return np.nan
    rows = pd.concat([answered(part, frame) for part, frame in zip(panel.parts, answer.predictions, strict=True)])
    rows = rows.dropna(subset=[lower, upper])
    return float(rows["actual"].between(rows[lower], rows[upper]).mean()) if len(rows) else np.nan


def share_better(scores: pd.Series, naive: pd.Series | None) -> float:
    """Return the share of scenarios with a lower measure than the naive's."""
    return np.nan if naive is None else float((scores < naive.reindex(scores.index)).mean())


def front(table: pd.DataFrame) -> list[bool]:
    """Return which rows no other row is at least as accurate and as cheap as, and better in one of the two."""
    return [dominators(table, row.score, row.cpu_seconds).empty for row in table.itertuples()]


def dominators(table: pd.DataFrame, score: float, cpu_seconds: float) -> pd.DataFrame:
    """Return the rows that dominate a point of accuracy and CPU-seconds."""
    no_worse = (table["score"] <= score) & (table["cpu_seconds"] <= cpu_seconds)
    return table[no_worse & ((table["score"] < score) | (table["cpu_seconds"] < cpu_seconds))]


def statement(table: pd.DataFrame) -> str:
    """Say whether the program is dominated at any of its budgets, and by whom."""
    own = table[table["method"] == PROGRAM]
    peers = table[table["method"] != PROGRAM]
    if own.empty:
        return "The program was not measured."
    found = []
    for row in own.itertuples():
        worse_than = dominators(peers, row.score, row.cpu_seconds)
        names = ", ".join(f"{one.method} ({one.budget})" for one in worse_than.itertuples())
        found.append(f"at the {row.budget} budget {f'dominated by {names}' if names else 'not dominated by any peer'}")
    return f"{PROGRAM}: {'; '.join(found)}."


def by_part(panel: Panel, answers: Sequence[Answer]) -> pd.DataFrame:
    """Return one row per part, one column per method and budget: the panel's measure."""
    columns = {
        f"{one.method} {one.budget}": [
            panel.measure.function(answered(part, frame))
            for part, frame in zip(panel.parts, one.predictions, strict=True)
        ]
        for one in answers
    }
    return pd.DataFrame(columns, index=pd.Index([part.name for part in panel.parts], name="part")).reset_index()


def duels(panel: Panel, answers: Sequence[Answer]) -> pd.DataFrame:
    """Return, for each of the program's budgets and each peer, in how many scenarios the program is level or better."""
    own = [one for one in answers if one.method == PROGRAM]
    peers = [one for one in answers if one.method != PROGRAM]
    rows = []
    for peer in peers:
        theirs = panel.by_scenario(peer.predictions)
        row: dict[str, object] = {"peer": peer.method, "budget": peer.budget}
        for one in own:
            ours = panel.by_scenario(one.predictions).reindex(theirs.index)
            row[f"{one.budget} budget"] = f"{int((ours <= theirs * (1.0 + LEVEL_WITHIN)).sum())} of {len(theirs)}"
        rows.append(row)
    return pd.DataFrame(rows)
