"""One scenario's rows, predicted by its model."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from distributed_automl.parameters import Problem
from distributed_automl.scenario.design import FloatArray, IntArray, Timestamp
from distributed_automl.scenario.ladder import Answer, champion_answer
from distributed_automl.scenario.model import ScenarioModel
from distributed_automl.scenario.naming import escaped, text_of
from distributed_automl.scenario.pool import PooledModel


def predict_scenario(
    frame: pd.DataFrame, model: ScenarioModel, *, origin: Timestamp | None = None, pool: PooledModel | None = None
) -> pd.DataFrame:
    """Predict the rows of one scenario that have no target and, in forecasting, are later than the origin.

    Args:
        frame: history and future of the scenario, the columns of `master_df_predict`, in any order.
        model: of the scenario.
        origin: last timestamp that may be known; None: the latest with any target.
        pool: the pooled model that `model` was fitted with, if it was fitted with one.

    Returns:
        One row per row asked for, in the order of `frame`: sample_id, the keys, timestamp, step, predicted_value, the
        bounds of each level's interval, and baseline_value. Of classes predicted_class and probabilities (class ->
        probability) instead, and baseline_class and baseline_probabilities.

    Raises:
        TableError: the frame does not keep the contract.
        ModelError: there is too little history, or the pooled model is missing.
    """
    return as_predictions(frame, model.problem, champion_answer(frame, model, pool, origin))


def as_predictions(frame: pd.DataFrame, problem: Problem, answer: Answer) -> pd.DataFrame:
    """Lay an answer out as rows of `predictions`, in the order of the frame that came in."""
    order = np.argsort(answer.row, kind="stable")
    asked = frame.iloc[answer.row[order]]
    columns = {
        "sample_id": sample_ids(frame, problem, answer.row[order]),
        **{key: asked[key].to_numpy() for key in problem.keys},
        "timestamp": asked[problem.timestamp].to_numpy() if problem.is_forecasting else None,
        "step": answer.steps[order].astype(np.int32),
        **(_classes if problem.is_classification else _numbers)(answer, order),
    }
    return pd.DataFrame(columns, index=pd.RangeIndex(len(order)))


def _numbers(answer: Answer, order: IntArray) -> Mapping[str, object]:
    return {
        "predicted_value": answer.predicted[order],
        **{name: bound[order] for name, bound in answer.bounds.items()},
        "baseline_value": answer.baseline[order],
    }


def _classes(answer: Answer, order: IntArray) -> Mapping[str, object]:
    assert answer.decided is not None  # an answer in classes decides
    assert answer.baseline_decided is not None
    labels = np.array([*answer.classes, None], dtype=object)  # without any class the decision is -1: the last label
    return {
        "predicted_class": labels[answer.decided[order]],
        "probabilities": _maps(answer.predicted[order], answer.classes),
        "baseline_class": labels[answer.baseline_decided[order]],
        "baseline_probabilities": _maps(answer.baseline[order], answer.classes),
    }


def _maps(probabilities: FloatArray, classes: Sequence[str]) -> pd.Series:
    return pd.Series([dict(zip(classes, row, strict=True)) for row in probabilities.tolist()], dtype=object)


def sample_ids(frame: pd.DataFrame, problem: Problem, rows: IntArray) -> pd.Series:
    """Return the ids of some rows: the user's column, or `key=value` pairs and the timestamp.

    In pairs "%", "/", "=" and "@" are escaped as %25, %2F, %3D and %40: two rows of a table never share an id.
    """
    asked = frame.iloc[rows]
    if problem.sample_id is not None:
        return asked[problem.sample_id].reset_index(drop=True)
    texts = [[f"{_escaped(key)}={_escaped(text_of(value))}" for value in asked[key]] for key in problem.keys]
    stamps = [text_of(value) for value in asked[problem.timestamp]]
    return pd.Series(["/".join(keys) + f"@{stamp}" for *keys, stamp in zip(*texts, stamps, strict=True)], dtype=object)


def _escaped(text: str) -> str:
    return escaped(text).replace("@", "%40")
