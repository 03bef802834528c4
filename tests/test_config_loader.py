"""What `--params` replaces: single values, whatever the environment says."""

from pathlib import Path
from typing import Any

import pytest

from distributed_automl.config_loader import ConfigLoader

BASE = "problem: {target: units, horizon: 28, name: '${name}'}\nname: demand\nrun: {engine: spark, share: 0.1}\n"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Return a function that reads the parameters; the environment has a block `run` of its own."""
    for env, text in (("base", BASE), ("mine", "run: {engine: local}\nname: orders\n"), ("bare", "")):
        (tmp_path / env).mkdir()
        if text:
            (tmp_path / env / "parameters.yml").write_text(text)

    def parameters(env: str, given: dict[str, Any]) -> Any:
        loader = ConfigLoader(str(tmp_path), env=env, base_env="base", default_run_env="base", runtime_params=given)
        return loader["parameters"]

    return parameters


@pytest.mark.parametrize(("env", "name"), [("mine", "orders"), ("bare", "demand"), ("base", "demand")])
def test_when_a_value_is_given_then_the_rest_of_its_block_stays(read: Any, env: str, name: str) -> None:
    found = read(env, {"problem": {"horizon": 7}})
    assert found["problem"] == {"target": "units", "horizon": 7, "name": name}


def test_when_an_environment_has_the_block_then_it_replaces_base_s_as_a_whole(read: Any) -> None:
    assert read("mine", {})["run"] == {"engine": "local"}
    assert read("mine", {"run": {"scenarios": ["a"]}})["run"] == {"engine": "local", "scenarios": ["a"]}


def test_when_a_block_is_in_no_file_then_it_is_there_all_the_same(read: Any) -> None:
    assert read("mine", {"pln": {"refit": "all"}})["pln"] == {"refit": "all"}
