"""The table of methods: the program and its peers, each a script, an environment and what it can answer."""

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.project_runs import PROJECT

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = PROJECT / "build/peers"
BUDGETS = ("small", "large")
FORECASTING, ANY_TASK = frozenset({"forecasting"}), frozenset({"forecasting", "regression", "classification"})


@dataclass(frozen=True)
class Method:
    """One method of the comparison.

    Attributes:
        script: run as `python <script> PANEL BUDGET OUTPUT`.
        environment: name of a file of requirements beside the peers' scripts; None: the program's own.
        tasks: what it can answer.
        budgets: those that differ.
        text: of the table: what the budgets mean.
    """

    script: Path
    environment: str | None
    tasks: frozenset[str]
    text: str
    budgets: tuple[str, ...] = BUDGETS

    def python(self, environments: Path) -> Path:
        """Return the interpreter that runs it."""
        return Path(sys.executable) if self.environment is None else environments / self.environment / "bin/python"


PROGRAM = "distributed-automl"
METHODS: dict[str, Method] = {
    PROGRAM: Method(HERE / "program.py", None, ANY_TASK, "the automl block's parameters; see program.py"),
    "seasonal_naive": Method(HERE / "peers/seasonal_naive.py", "light", ANY_TASK, "one budget", ("small",)),
    "auto_ets": Method(HERE / "peers/auto_ets.py", "light", FORECASTING, "the last 20 seasons; everything"),
    "auto_theta": Method(HERE / "peers/auto_theta.py", "light", FORECASTING, "the last 20 seasons; everything"),
    "lightgbm_global": Method(
        HERE / "peers/lightgbm_global.py", "light", ANY_TASK, "150 trees; those or 600 slower ones"
    ),
    "flaml_each": Method(
        HERE / "peers/flaml_each.py", "light", ANY_TASK, "1 and 3 seconds per 1,000 rows; tabular 2 and 10"
    ),
    "autogluon": Method(
        HERE / "peers/autogluon_timeseries.py", "autogluon", FORECASTING, "fast models, one window; all, two windows"
    ),
}


def make_environment(name: str, environments: Path) -> None:
    """Make the virtual environment of some peers from their file of requirements, unless it is there."""
    folder, requirements = environments / name, HERE / f"peers/{name}.txt"
    stamp = folder / "requirements.txt"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    sys.stdout.write(f"Making {folder} from {requirements.relative_to(PROJECT)}: some minutes\n")
    venv.create(folder, with_pip=True, clear=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
    subprocess.run(pip, check=True)
    stamp.write_text(requirements.read_text())
