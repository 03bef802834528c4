import pytest

from distributed_automl.scenario.estimators import BASELINES, CANDIDATES, USUAL, competitors


@pytest.mark.parametrize("task", USUAL)
def test_when_no_candidate_is_named_then_those_of_the_task_compete(task: str) -> None:
    usual = competitors((), task)
    assert {one.name for one in usual} == set(USUAL[task])
    assert all(task in one.tasks for one in usual)
    assert "pooled" in USUAL[task]
    assert BASELINES[task] not in USUAL[task]


def test_when_candidates_are_named_then_they_alone_compete_in_that_order() -> None:
    assert competitors(("ridge", "mean"), "regression") == [CANDIDATES["ridge"], CANDIDATES["mean"]]
