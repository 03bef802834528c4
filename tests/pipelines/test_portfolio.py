"""A fleet's own portfolio, from two pilots to what training reads; pandas stands in for Spark."""

import json
from typing import Any

import pandas as pd
import pytest
from tests.scenario.panels import QUICK, demand_frame, demand_problem

from distributed_automl.errors import RunError
from distributed_automl.fleet.setup import read_portfolio
from distributed_automl.parameters import Pilots, Plan, Run
from distributed_automl.pipelines.portfolio.nodes import choose_portfolio
from distributed_automl.scenario.attempt import attempt_pilot, failed_row
from distributed_automl.scenario.pilots import try_on_pilot
from distributed_automl.scenario.portfolio import general_portfolio
from distributed_automl.tables import PILOTS

AUTOML = QUICK.model_copy(update={"candidates": ("ridge",)})
TRIED = {"ridge": [{"alpha": 30.0, "target_transform": "none"}]}


class Rows:
    """As much of a Spark frame as the node asks for."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = pd.DataFrame(rows)

    def select(self, *names: str) -> "Rows":
        return Rows(self.rows[list(names)].to_dict("records"))

    def toPandas(self) -> pd.DataFrame:  # noqa: N802 - Spark's name
        return self.rows


def tried(store_id: str, n_days: int) -> dict[str, Any]:
    from functools import partial

    from distributed_automl.scenario.columns import kinds_of
    from distributed_automl.scenario.synthesis import define

    problem, frame = demand_problem(), demand_frame(store_id, n_days=n_days)
    definitions = define(kinds_of(frame, problem), problem, AUTOML.synthesis, 7)
    judge = partial(try_on_pilot, tried=TRIED)
    return attempt_pilot(frame, problem, AUTOML, scenario_id=store_id, judge=judge, definitions=definitions)


def choose(rows: list[dict[str, Any]], tolerated: float = 0.05) -> dict[str, Any]:
    run = Run(tolerated_failed_share=tolerated)
    return choose_portfolio(Rows(rows), demand_problem(), AUTOML, Plan(), run, Pilots(), "run_1")  # type: ignore[arg-type]


def test_when_a_portfolio_is_chosen_then_training_reads_it_and_a_short_pilot_is_passed_over() -> None:
    rows = [tried("001", 120), tried("002", 12)]
    assert [row["status"] for row in rows] == ["judged", "skipped"]
    assert [trial["candidate"] for trial in json.loads(rows[0]["trials"])] == ["seasonal_naive", "ridge", "ridge"]
    saved = json.loads(json.dumps(choose(rows)))
    assert (saved["run_id"], saved["pilots"]) == ("run_1", ["001"])
    gains = [trial["gain"] for trial in json.loads(rows[0]["trials"])[1:]]
    better = TRIED["ridge"] if gains[1] > gains[0] + 0.01 else []
    own = read_portfolio(saved)
    assert own.configurations["forecasting"]["ridge"] == [{}, *better]
    assert own.digest != general_portfolio().digest
    assert own.configurations["regression"] == general_portfolio().configurations["regression"]


def test_when_no_pilot_could_be_tried_then_the_error_says_why() -> None:
    with pytest.raises(RunError, match=r"found none of 1: \['002: .*periods"):
        choose([tried("002", 12)])


def test_when_a_pilot_was_judged_or_skipped_or_failed_then_its_row_keeps_the_contract_of_pilots() -> None:
    of_the_fleet = {"run_id", "fingerprint", "peak_memory_mb"}
    judged, skipped = tried("001", 120), tried("002", 12)
    failed = failed_row(PILOTS, "003", "tune", MemoryError("too large"))
    assert set(judged) == set(skipped) == set(failed) == set(PILOTS.names) - of_the_fleet
    assert (judged["n_samples"], judged["stage"], judged["message"]) == (120, None, None)
    assert (skipped["n_samples"], skipped["stage"], skipped["trials"]) == (12, "validate", None)
    assert (failed["status"], failed["stage"], failed["error_type"]) == ("failed", "tune", "MemoryError")


def test_when_more_pilots_failed_than_are_tolerated_then_there_is_no_portfolio() -> None:
    rows = [tried("001", 120), failed_row(PILOTS, "002", "tune", MemoryError("too large"))]
    with pytest.raises(
        RunError, match=r"1 of 2 scenarios failed \(50.0%\).*tune: MemoryError.*'002': too large.*saved"
    ):
        choose(rows)
    assert choose(rows, tolerated=0.5)["pilots"] == ["001"]


def test_when_nothing_was_saved_then_training_reads_the_general_portfolio() -> None:
    assert read_portfolio({}) is general_portfolio()
