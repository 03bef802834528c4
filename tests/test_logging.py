"""The project's logging: what is logged is what is read."""

import subprocess
import sys
from pathlib import Path

CONFIGURATION = Path(__file__).parents[1] / "conf" / "logging.yml"
PROGRAM = """
import logging.config, sys, yaml
logging.config.dictConfig(yaml.safe_load(open(sys.argv[1])))
logging.getLogger("distributed_automl.fleet").warning("skipped: %s", "shop [b], [/A]")
"""


def test_when_a_scenario_s_name_looks_like_markup_then_it_is_logged_as_it_is() -> None:
    command = [sys.executable, "-c", PROGRAM, str(CONFIGURATION)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "skipped: shop [b], [/A]" in done.stdout
    assert done.returncode == 0, done.stderr
