"""The pipelines, by name. They are listed by hand: discovery imports only what was asked for, and breaks composites."""

from kedro.pipeline import Pipeline

from distributed_automl.pipelines.data_engineering import pipeline as data_engineering
from distributed_automl.pipelines.evaluate import pipeline as evaluate
from distributed_automl.pipelines.plan import pipeline as plan
from distributed_automl.pipelines.portfolio import pipeline as portfolio
from distributed_automl.pipelines.predict import pipeline as predict
from distributed_automl.pipelines.promote import pipeline as promote
from distributed_automl.pipelines.report import pipeline as report
from distributed_automl.pipelines.track import pipeline as track
from distributed_automl.pipelines.train import pipeline as train


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by its name."""
    training = data_engineering.create_training_pipeline() + train.create_pipeline() + track.create_training_pipeline()
    predicting = data_engineering.create_prediction_pipeline() + predict.create_pipeline()
    evaluating = data_engineering.create_actuals_pipeline() + evaluate.create_pipeline()
    everything = training + promote.create_pipeline() + predicting + evaluating + report.create_pipeline()
    return {
        "data_engineering": data_engineering.create_pipeline(),
        "plan": data_engineering.create_training_pipeline() + plan.create_pipeline(),
        "train": training,
        "portfolio": data_engineering.create_training_pipeline() + portfolio.create_pipeline(),
        "promote": promote.create_pipeline(),
        "predict": predicting,
        "evaluate": evaluating,
        "report": report.create_pipeline(),
        "track": track.create_pipeline(),
        "__default__": everything,
    }
