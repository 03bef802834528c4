"""One tracking database for all tests of this folder: to create its tables takes seconds."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # kedro-mlflow and MLflow warn of what pydantic and sqlalchemy have deprecated
    import kedro_mlflow.framework.hooks.mlflow_hook  # noqa: F401
    import mlflow


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow") / "mlflow.db"


@pytest.fixture
def mlflow_uri(database: Path) -> Iterator[str]:
    """The address of the database, active for one test; whatever stays open is closed."""
    before, uri = mlflow.get_tracking_uri(), f"sqlite:///{database}"
    mlflow.set_tracking_uri(uri)
    yield uri
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)
