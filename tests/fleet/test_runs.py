"""What a run leaves of its set-up, and what is read of it again."""

import json
from typing import Any

import pytest

from distributed_automl.fleet.predict import PredictSetup
from distributed_automl.fleet.runs import PREDICT, TRAIN, RunRecord, read_record, record_prediction, record_training
from distributed_automl.parameters import Plan, Prediction, Problem, Run
from distributed_automl.scenario.portfolio import NOTHING, general_portfolio
from distributed_automl.tables import RUNS


def test_when_a_run_is_recorded_then_every_default_and_the_portfolio_in_use_are_spelt_out(make_setup: Any) -> None:
    row = record_training(make_setup(), "run1", "v1").row().iloc[0]
    assert list(row.index) == RUNS.names
    parameters = json.loads(row["parameters"])
    assert Problem.model_validate(parameters["problem"]) == make_setup().problem
    assert parameters["automl"]["seed"] == 0
    assert json.loads(row["portfolio"]) == general_portfolio().to_json() != NOTHING.to_json()
    assert json.loads(row["packages"])["python"].startswith("3.")
    assert (row["run_id"], row["pipeline"], row["table_version"]) == ("run1", TRAIN, "v1")


@pytest.mark.spark
def test_when_one_run_trains_and_predicts_then_each_record_is_read_as_it_was_written(
    make_ledger: Any, make_setup: Any, problem: Problem
) -> None:
    ledgers = [make_ledger("runs", "run1", table="runs") for _ in range(2)]
    trained = record_training(make_setup(), "run1", "v1")
    predicted = record_prediction(PredictSetup(problem, Prediction(), Plan(), Run(), "run1"), None)
    for ledger, record in zip(ledgers, (trained, predicted), strict=True):
        ledger.save(record.row())
    found: list[RunRecord] = [read_record(ledgers[0].load(), "run1", pipeline) for pipeline in (TRAIN, PREDICT)]
    assert found == [trained, predicted]
