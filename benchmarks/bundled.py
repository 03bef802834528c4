"""Accuracy on the bundled data: four origins, 28 days each, all categories pooled.

    .venv/bin/python benchmarks/bundled.py [--origins 2017-12-03 2017-11-05 ...] [--params automl.tuning.n_trials=8]

Each origin is a whole run of the program on a data folder of its own: engineering up to the origin, training, first
champions, prediction. WAPE is the sum of absolute errors over the sum of actuals, over all 301 categories and 28 days.
Beside it stand seasonal naive and the mean of the last eight weeks by weekday, from the same rows.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from project_runs import kedro_run, prepare, print_table

ORIGINS = ("2017-09-10", "2017-10-08", "2017-11-05", "2017-12-03")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--origins", nargs="+", default=ORIGINS)
    parser.add_argument("--params", default="", help="further parameters, as `kedro run --params` takes them")
    arguments = parser.parse_args()
    header = ["origin", "WAPE", "seasonal naive", "8-week mean", "coverage 80", "coverage 95", "scenarios", "seconds"]
    rows = []
    for origin in arguments.origins:
        rows.append(measure(origin, arguments.params))
        means = ["mean", *(float(np.mean(column)) for column in list(zip(*rows, strict=True))[1:])]
        print_table(header, [*rows, means])


def measure(origin: str, params: str) -> list[object]:
    """Run the program at one origin and judge its predictions."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        conf = prepare(root)
        chosen = ",".join(part for part in (f"engineering.origin={origin}", params) if part)
        seconds = kedro_run(conf, "--pipelines=train,promote,predict,evaluate", f"--params={chosen}")
        return [origin, *judge(root / "data"), seconds]


def judge(data: Path) -> list[object]:
    """Compare predictions with actuals, exactly one prediction per actual."""
    predictions = pd.read_parquet(next((data / "07_model_output/demand/predictions").glob("*/*")))
    actuals = pd.read_parquet(data / "03_primary/demand/actuals")
    history = pd.read_parquet(data / "03_primary/demand/master_df_predict").dropna(subset="units")
    keys = ["product_category", "date"]
    rows = predictions.rename(columns={"timestamp": "date"}).merge(actuals, on=keys, validate="one_to_one")
    if not len(rows) == len(predictions) == len(actuals):
        raise ValueError(f"{len(predictions)} predictions, {len(actuals)} actuals, {len(rows)} pairs")
    truth = rows["units"]
    return [
        wape(truth, rows["predicted_value"]),
        wape(truth, rows["baseline_value"]),
        wape(truth, eight_week_mean(rows, history)),
        *(float(truth.between(rows[f"lower_{level}"], rows[f"upper_{level}"]).mean()) for level in (80, 95)),
        rows["product_category"].nunique(),
    ]


def wape(truth: pd.Series, predicted: pd.Series) -> float:
    """Sum of absolute errors over the sum of actuals."""
    return float((predicted - truth).abs().sum() / truth.sum())


def eight_week_mean(rows: pd.DataFrame, history: pd.DataFrame) -> pd.Series:
    """Mean of the last eight weeks' units on the row's weekday; days before a category's first sale count as zero."""
    dates = pd.to_datetime(history["date"])
    recent = history[dates > dates.max() - pd.Timedelta(weeks=8)]
    weekday = pd.to_datetime(recent["date"]).dt.dayofweek.rename("weekday")
    means = (recent.groupby(["product_category", weekday])["units"].sum() / 8.0).rename("mean")
    asked = rows.assign(weekday=pd.to_datetime(rows["date"]).dt.dayofweek)
    return asked.join(means, on=["product_category", "weekday"])["mean"].fillna(0.0)


if __name__ == "__main__":
    main()
