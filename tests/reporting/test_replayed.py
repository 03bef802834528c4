"""A replay as people read it."""

import io
from typing import Any

import pandas as pd
from rich.console import Console

from distributed_automl.reporting.replayed import print_prediction_replay, print_replay

THEN: dict[str, Any] = {
    "scenario_id": "a[red]", "run_id": "run1", "status": "fitted", "stage": None, "error_type": None,
    "message": float("nan"), "estimator": "ridge", "n_samples": 340, "model_digest": "0123456789abcdef",
    "metrics": {"wape": 0.25, "mae": 1.5}, "kpis": [("units_short", 3.0)],
}  # fmt: skip


def lines(show: Any, *args: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    show(*args, console)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines() if line.strip()]  # type: ignore[attr-defined]


def test_when_a_fit_is_the_same_then_it_says_so() -> None:
    assert lines(print_replay, THEN, THEN | {"message": None}, (), ()) == [
        "The fit of a[red] by the run run1",
        "Then Now",
        "status fitted fitted",
        "estimator ridge ridge",
        "n_samples 340 340",
        "model_digest 0123456789ab 0123456789ab",
        "wape 0.25 0.25",
        "mae 1.5 1.5",
        "units_short 3 3",
        "The same as recorded, to the last bit.",
    ]


def test_when_a_fit_differs_then_what_and_why_is_told() -> None:
    failed = THEN | {"status": "failed", "message": "boom", "model_digest": None, "metrics": None}
    found = lines(print_replay, THEN, failed, ("status", "model_digest"), ("the rows differ: 340 then, 341 now",))
    assert "message – boom" in found
    assert "wape 0.25 –" in found
    assert found[-2:] == ["Not the same as recorded: status, model_digest", "the rows differ: 340 then, 341 now"]


def test_when_there_are_many_measures_then_those_that_differ_are_listed_and_a_few_others() -> None:
    then = {"baseline_wape": 0.5, **{f"m{number}": float(number) for number in range(9)}}
    now = then | {"m8": 8.5, "baseline_wape": 0.5}
    found = lines(
        print_replay, THEN | {"metrics": then, "kpis": {}}, THEN | {"metrics": now, "kpis": {}}, ("metrics",), ()
    )
    measures = found[found.index("model_digest 0123456789ab 0123456789ab") + 1 : -1]
    assert measures == [
        "m8 8 8.5",
        *(f"m{number} {number} {number}" for number in range(6)),
        "and 3 measures more the same",
    ]


def test_when_a_prediction_is_replayed_then_samples_stand_side_by_side() -> None:
    then = pd.DataFrame(
        {
            "prediction_run_id": "run2", "scenario_id": "a", "origin": "2026-01-01", "rung": "champion",
            "sample_id": [f"a|{day}" for day in range(9)], "predicted_value": [float(day) for day in range(9)],
        }
    )  # fmt: skip
    now = then.assign(predicted_value=then["predicted_value"].replace(2.0, 2.5))
    found = lines(print_prediction_replay, then, now, ("predicted_value",), ("the code differs",))
    assert found[0] == "9 predictions of a by the run run2, from 2026-01-01, by champion"
    assert "a|2 2 2.5" in found
    assert "and 2 more" in found
    assert found[-2:] == ["Not the same as recorded: predicted_value", "the code differs"]
