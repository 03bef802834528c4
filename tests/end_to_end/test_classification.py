"""A classification on the whole way: real diagnoses in made-up clinics, as integers, with all rungs of the ladder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer
from tests.end_to_end.conftest import Run
from tests.end_to_end.project import QUICK, Project, write_table

pytestmark = [pytest.mark.spark, pytest.mark.slow]

CLINICS = ["a", "b", "c"]
ONE_CLASS, UNSEEN = "only healthy", "opened later"
N_ROWS, N_ASKED = 150, 20
CANCER = {
    "task": "classification",
    "scenario_keys": ["clinic"],
    "target": "is_benign",
    "sample_id": "patient",
    "class_costs": {"0": 5.0},
}
CANDIDATES = {**QUICK, "candidates": ["logistic_regression", "lightgbm_classifier", "pooled"]}


def patients() -> pd.DataFrame:
    """Return the patients of all clinics; `is_benign` is 0 or 1."""
    data = load_breast_cancer(as_frame=True)
    frame = data.data.set_axis([f"feature_{i}" for i in range(data.data.shape[1])], axis=1)
    frame = frame.assign(patient=np.arange(len(frame)), is_benign=data.target, clinic=UNSEEN)
    frame.loc[: len(CLINICS) * N_ROWS - 1, "clinic"] = np.repeat(CLINICS, N_ROWS)
    rest = frame.index[len(CLINICS) * N_ROWS :]
    healthy = rest[frame.loc[rest, "is_benign"] == 1]
    frame.loc[healthy[:60], "clinic"] = ONE_CLASS
    return frame


@dataclass(frozen=True)
class Diagnosed:
    """What came of it: training_results by clinic, predictions and truth by patient, evaluation by clinic, the page.

    `in_process` are the predictions that the local engine made from the same models.
    """

    training: pd.DataFrame
    in_process: pd.DataFrame
    predictions: pd.DataFrame
    truth: pd.Series
    evaluation: pd.DataFrame
    report: str


@pytest.fixture(scope="module")
def diagnosed(project: Project, run: Run, tables: Path) -> Diagnosed:
    frame = patients()
    asked = (frame.groupby("clinic").cumcount(ascending=False) < N_ASKED) | (frame["clinic"] == UNSEEN)
    unknown = frame.assign(is_benign=frame["is_benign"].astype("Int64").mask(asked))
    files = {
        "master_df": write_table(frame[~asked], tables / "patients.parquet"),
        "master_df_predict": write_table(unknown, tables / "patients_asked.parquet"),
        "actuals": write_table(frame.loc[asked, ["clinic", "patient", "is_benign"]], tables / "diagnoses.parquet"),
    }
    results = project.add_environment("cancer", CANCER, tables=files, automl=CANDIDATES)
    run("cancer", "train", "master_df")
    run("cancer", "promote")
    run("cancer", "predict", "master_df_predict", run={"engine": "local"})
    in_process = results.predictions()
    run("cancer", "predict", "master_df_predict")
    run("cancer", "evaluate", "predictions", "actuals", "master_df_predict")
    run("cancer", "report")
    (evaluation,) = results.data_root.rglob("evaluation.parquet")
    (report,) = results.data_root.rglob("report.html")
    truth = frame.loc[asked].set_index("patient")["is_benign"].astype(str).sort_index()
    by_clinic = pd.read_parquet(evaluation).set_index("scenario_id", verify_integrity=True)
    page = report.read_text(encoding="utf-8")
    return Diagnosed(results.training(), in_process, results.predictions(), truth, by_clinic, page)


def test_when_clinics_have_both_classes_then_each_has_a_model_far_better_than_the_frequencies(
    diagnosed: Diagnosed,
) -> None:
    fitted = diagnosed.training.loc[CLINICS]
    assert set(fitted["status"]) == {"fitted"}
    metrics = [dict(cells) for cells in fitted["metrics"]]
    assert all(found["log_loss"] < 0.5 * found["baseline_log_loss"] for found in metrics)
    assert all(found["roc_auc"] > 0.9 for found in metrics)
    costs = [dict(cells) for cells in fitted["kpis"]]
    assert all(found["misclassification_cost"] < found["baseline_misclassification_cost"] for found in costs)


def test_when_a_clinic_has_one_class_then_it_is_skipped_and_says_so(diagnosed: Diagnosed) -> None:
    row = diagnosed.training.loc[ONE_CLASS]
    assert (row["status"], row["error_type"]) == ("skipped", "ScenarioSkipped")
    assert row["reason"] == "target 'is_benign' is constant: '1' in all of 40 rows"


def test_when_predicted_then_every_patient_has_one_class_as_text_and_probabilities(diagnosed: Diagnosed) -> None:
    found = diagnosed.predictions
    assert list(found.index) == list(diagnosed.truth.index)
    assert set(found["predicted_class"]) == {"0", "1"}
    maps = [dict(cells) for cells in found["probabilities"]]
    assert {tuple(sorted(cells)) for cells in maps} == {("0", "1")}
    np.testing.assert_allclose([sum(cells.values()) for cells in maps], 1.0)
    decided = ["0" if 5.0 * cells["0"] >= cells["1"] else "1" for cells in maps]
    assert list(found["predicted_class"]) == decided
    assert (found["predicted_class"] == diagnosed.truth).mean() > 0.85
    assert "predicted_value" not in found
    rungs = found.groupby("scenario_id")["rung"].agg(set).to_dict()
    assert rungs == {**{name: {"champion"} for name in CLINICS}, ONE_CLASS: {"pooled"}, UNSEEN: {"pooled"}}


def test_when_predicted_by_another_engine_then_the_bits_are_the_same(diagnosed: Diagnosed) -> None:
    columns = ["predicted_class", "probabilities", "baseline_probabilities", "rung"]
    pd.testing.assert_frame_equal(diagnosed.in_process[columns], diagnosed.predictions[columns], check_exact=True)


def test_when_the_truth_comes_then_rows_in_a_wrong_class_are_counted_and_priced(diagnosed: Diagnosed) -> None:
    wrong = diagnosed.predictions[diagnosed.predictions["predicted_class"] != diagnosed.truth]
    missed = diagnosed.truth[wrong.index].map({"0": 5.0, "1": 1.0})
    evaluation = diagnosed.evaluation
    assert set(evaluation.index) == {*CLINICS, ONE_CLASS, UNSEEN}
    assert evaluation["n_wrong"].sum() == len(wrong) == evaluation["abs_error_sum"].sum()
    assert evaluation["misclassification_cost"].sum() == missed.sum()
    assert (evaluation["n_missing"] == 0).all()
    assert evaluation["log_loss"].notna().all()
    np.testing.assert_allclose(evaluation["error_rate"], evaluation["n_wrong"] / evaluation["n_actuals"])


def test_when_reported_then_the_page_speaks_of_classes(diagnosed: Diagnosed) -> None:
    assert "of the rows in a wrong class of is_benign" in diagnosed.report
    assert "WAPE" not in diagnosed.report[diagnosed.report.index("<main>") :]
