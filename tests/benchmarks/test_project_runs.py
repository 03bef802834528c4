from pathlib import Path

from benchmarks.project_runs import ENVIRONMENT, PROJECT, prepare
from kedro.config import OmegaConfigLoader

from distributed_automl.resolvers import RESOLVERS


def test_when_a_benchmark_is_prepared_then_nothing_of_it_goes_into_the_project(tmp_path: Path) -> None:
    conf = prepare(tmp_path)
    loader = OmegaConfigLoader(
        str(conf),
        env=ENVIRONMENT,
        base_env="base",
        custom_resolvers=RESOLVERS,
        config_patterns={"mlflow": ["mlflow*"]},
    )
    assert loader["globals"]["data_root"] == str(tmp_path / "data")
    assert loader["mlflow"]["server"]["mlflow_tracking_uri"] == f"sqlite:///{tmp_path / 'mlflow.db'}"
    experiment = loader["mlflow"]["tracking"]["experiment"]
    assert experiment["create_experiment_kwargs"]["artifact_location"] == str(tmp_path / "mlartifacts")
    assert experiment["name"] == loader["globals"]["problem_name"]
    assert str(PROJECT) not in str(loader["mlflow"])
