"""What is told of an error: the one thing that helps, or nothing, so that the frames are shown."""

import errno
from pathlib import Path

import pytest
from kedro.config import MissingConfigException, OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.io.core import DatasetError, Version
from kedro.pipeline import Node, Pipeline
from kedro_datasets.pandas import CSVDataset
from pyspark.errors import AnalysisException

from distributed_automl.commands.messages import message_of
from distributed_automl.datasets.ledger import LedgerDataset
from distributed_automl.errors import RunError


def raised(call: object, *args: object, **kwargs: object) -> BaseException:
    """Return what a call raises."""
    assert callable(call)
    try:
        call(*args, **kwargs)
    except Exception as error:
        return error
    pytest.fail("nothing was raised")


def caused(outer: Exception, inner: BaseException) -> Exception:
    outer.__cause__ = inner
    return outer


class NoTable(AnalysisException):
    """What Spark raises where there is no table, on classic Spark and on Connect alike."""

    def __init__(self) -> None:
        super().__init__("[PATH_NOT_FOUND] Path does not exist: file:/data/m.parquet. SQLSTATE: 42K03")

    def getCondition(self) -> str:  # noqa: N802 - Spark's name
        return "PATH_NOT_FOUND"

    def getMessageParameters(self) -> dict[str, str]:  # noqa: N802
        return {"path": "file:/data/m.parquet"}


def test_when_an_error_of_ours_is_below_others_then_it_is_the_one_that_is_told() -> None:
    assert message_of(caused(DatasetError("while saving"), RunError("too many failed"))) == "too many failed"


def test_when_a_table_is_missing_on_spark_then_entry_path_and_remedy_are_told() -> None:
    error = caused(DatasetError("master_df: Failed while loading"), caused(DatasetError("Failed while"), NoTable()))
    told = message_of(error)
    assert told is not None
    assert told.startswith("expected a table at file:/data/m.parquet, for the catalog's entry 'master_df', found none")
    assert "conf/<environment>/catalog.yml" in told


class Refused(AnalysisException):
    """What Spark raises of a table or a value that it cannot take, with its plan below."""

    def __init__(self, condition: str) -> None:
        super().__init__("what is wrong. SQLSTATE: 42711\nProject [a#1]")
        self.condition = condition

    def getCondition(self) -> str:  # noqa: N802 - Spark's name
        return self.condition

    def getMessageParameters(self) -> dict[str, str]:  # noqa: N802
        return {}


def test_when_spark_cannot_read_a_table_then_its_entry_and_what_is_wrong_are_told() -> None:
    error = caused(DatasetError("master_df: Failed while loading data"), Refused("COLUMN_ALREADY_EXISTS"))
    assert message_of(error) == (
        "the catalog's entry 'master_df' cannot be read: [COLUMN_ALREADY_EXISTS] what is wrong. SQLSTATE: 42711"
    )


def test_when_a_value_is_not_what_its_column_should_hold_then_it_is_told() -> None:
    assert message_of(Refused("CAST_INVALID_INPUT")) == "[CAST_INVALID_INPUT] what is wrong. SQLSTATE: 42711"
    assert message_of(Refused("UNRESOLVED_COLUMN.WITH_SUGGESTION")) is None


def test_when_a_file_is_missing_then_entry_path_and_remedy_are_told(tmp_path: Path) -> None:
    catalog = DataCatalog({"evaluation": CSVDataset(filepath=str(tmp_path / "evaluation.csv"))})
    told = message_of(raised(catalog.load, "evaluation"))
    assert told is not None
    assert f"expected a table at {tmp_path}/evaluation.csv, for the catalog's entry 'evaluation'" in told


def test_when_it_is_a_save_that_misses_a_folder_then_nobody_is_sent_to_look_for_a_table() -> None:
    missing = FileNotFoundError("The specified bucket does not exist")
    assert message_of(caused(DatasetError("master_df: Failed while saving data"), missing)) == (
        "master_df: Failed while saving data"
    )


def test_when_no_version_was_saved_yet_then_it_says_what_to_run(tmp_path: Path) -> None:
    plan = CSVDataset(filepath=str(tmp_path / "plan.csv"), version=Version(None, None))
    told = message_of(raised(DataCatalog({"plan": plan}).load, "plan"))
    assert told is not None
    assert told.startswith("plan: Did not find any versions")
    assert told.endswith("run the pipeline that saves it first")


def test_when_a_dataset_says_what_is_wrong_then_it_is_told(tmp_path: Path) -> None:
    catalog = DataCatalog({"predictions": LedgerDataset(filepath=str(tmp_path), read_only=True)})
    told = message_of(raised(catalog.save, "predictions", object()))
    assert told is not None
    assert f"the ledger '{tmp_path}' is read-only here" in told


def test_when_the_file_system_refuses_then_it_is_told() -> None:
    error = caused(DatasetError("report: Failed while saving"), OSError(errno.EROFS, "Read-only file system"))
    assert message_of(error) == "report: Failed while saving"


def test_when_spark_finds_the_store_full_then_the_entry_and_the_cause_are_told() -> None:
    job = RuntimeError(
        "An error occurred while calling o1.save.\n: java.io.IOException: No space left on device\n\tat x"
    )
    told = message_of(caused(DatasetError("master_df: Failed while saving data to dataset"), job))
    assert told is not None
    assert told.startswith("the catalog's entry 'master_df' could not be saved or read: java.io.IOException: No space")
    assert "Make room" in told


@pytest.mark.parametrize("asked", [{"node_names": ["nope"]}, {"from_inputs": ["nope"]}, {"tags": ["nope"]}])
def test_when_a_node_an_input_or_a_tag_is_not_there_then_kedro_s_message_is_told(asked: dict[str, list[str]]) -> None:
    error = raised(Pipeline([Node(len, "a", "b", name="count")]).filter, **asked)
    assert message_of(error) == str(error)


def told_of_parameters(folder: Path, text: str) -> str | None:
    (folder / "base").mkdir()
    (folder / "base" / "parameters.yml").write_text(text)
    loader = OmegaConfigLoader(str(folder), base_env="base", default_run_env="base")
    return message_of(raised(lambda: loader["parameters"]))


def test_when_yaml_is_broken_then_the_file_and_the_place_are_told(tmp_path: Path) -> None:
    told = told_of_parameters(tmp_path, "problem: {name: [mine\n")
    assert told is not None
    assert "parameters.yml" in told
    assert "did not find expected ',' or ']'" in told


def test_when_a_value_refers_to_nothing_then_it_is_told(tmp_path: Path) -> None:
    told = told_of_parameters(tmp_path, "run: ${nothing}\n")
    assert told is not None
    assert "Interpolation key 'nothing' not found" in told
    assert message_of(MissingConfigException("no files")) == "the configuration cannot be read: no files"


@pytest.mark.parametrize(
    "bug", [KeyError("x"), ValueError("a shape"), caused(DatasetError("while saving"), TypeError("a bug of ours"))]
)
def test_when_it_is_a_bug_then_nothing_is_told_and_the_frames_are_shown(bug: Exception) -> None:
    assert message_of(bug) is None
