"""The environments that ship with the project: where their runs are tracked."""

from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader

from distributed_automl.resolvers import RESOLVERS

CONF = Path(__file__).parents[1] / "conf"
VARIABLES = {
    "DISTRIBUTED_AUTOML_DATA": "s3a://bucket/automl",
    "DISTRIBUTED_AUTOML_TEST_DATA": "/scratch",
    "MLFLOW_TRACKING_URI": "https://mlflow.example",
}

pytestmark = pytest.mark.filterwarnings("ignore:register_new_resolver")  # Kedro's own use of omegaconf


@pytest.mark.parametrize(
    ("environment", "uri", "experiment", "artifacts"),
    [
        ("cluster", "https://mlflow.example", "demand", None),
        ("databricks", "databricks", "/Shared/demand", None),
        ("test", "sqlite:////scratch/mlflow.db", "demand", "/scratch/mlartifacts"),
    ],
)
def test_when_an_environment_is_chosen_then_nothing_is_tracked_in_the_project(
    monkeypatch: pytest.MonkeyPatch, environment: str, uri: str, experiment: str, artifacts: str | None
) -> None:
    monkeypatch.chdir(CONF.parent)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    patterns = {"mlflow": ["mlflow*"]}
    loader = OmegaConfigLoader(
        str(CONF), env=environment, base_env="base", custom_resolvers=RESOLVERS, config_patterns=patterns
    )
    settings = loader["mlflow"]
    assert settings["server"] == {"mlflow_tracking_uri": uri}
    assert settings["tracking"]["experiment"]["name"] == experiment
    assert settings["tracking"]["experiment"].get("create_experiment_kwargs", {}).get("artifact_location") == artifacts
    base = OmegaConfigLoader(
        str(CONF), env="base", base_env="base", custom_resolvers=RESOLVERS, config_patterns=patterns
    )
    for block in ("run", "params"):
        assert settings["tracking"][block] == base["mlflow"]["tracking"][block]
