"""Settings of the Kedro project."""

from distributed_automl.config_loader import ConfigLoader
from distributed_automl.hooks import NewRunHook, ParametersHook, ProgressHook, RunIdHook, SparkHook
from distributed_automl.resolvers import RESOLVERS
from distributed_automl.tracking.hooks import TrackingProbe

_tracking = TrackingProbe()
HOOKS = (ParametersHook(), RunIdHook(), SparkHook(), NewRunHook(), _tracking, ProgressHook(_tracking.log_progress))

DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow", "kedro-mlflow")  # TrackingProbe is that plugin's hook, and more

CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "custom_resolvers": RESOLVERS,
    "config_patterns": {"spark": ["spark*", "spark*/**"], "mlflow": ["mlflow*", "mlflow*/**"]},
}
