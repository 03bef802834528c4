"""Before a run on workers elsewhere: have they this machine's Python, libraries and code, and can they fit?"""

import json
import logging
import platform
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from threadpoolctl import threadpool_limits

from distributed_automl.errors import RunError
from distributed_automl.fleet.canary import fit_canary, fit_canary_here
from distributed_automl.fleet.fingerprint import LIBRARIES, code_digest
from distributed_automl.fleet.limits import ignore_stage
from distributed_automl.fleet.session import PACKAGE, n_cores

logger = logging.getLogger(__name__)

PACKAGES = tuple(sorted({*LIBRARIES, "pyarrow", "pydantic", "threadpoolctl"}))
"""What a worker's part of the program imports, and what rows and parameters travel by."""
ABSENT = "absent"
TELLING = re.compile(r"Error\b|Exception\b|Cannot run|MISMATCH")
"""What the line of a message says that tells its cause."""
MEND = (
    "Give the workers what requirements.lock says: an image that is made from it, or a packed environment in "
    "spark.archives (on Databricks: the cluster's libraries), and name its Python in PYSPARK_PYTHON; "
    "docs/clusters.md shows how"
)
Answer = Mapping[str, str]
Question = Callable[[int], str]


def require_parity(spark: SparkSession) -> None:
    """Ask the workers who they are, and let each fit the canary; return only if they are like this machine.

    Every core is asked, so that every executor that is there answers. Who joins later meets `require_same_code`.

    Raises:
        RunError: names each difference, on which workers, and how to mend it.
    """
    started, n_tasks = time.monotonic(), n_cores(spark)
    versions = _ask(spark, _who_are_you(PACKAGES), n_tasks)
    differences = [*differences_of(versions, own_versions())]
    if differences:
        raise RunError(f"the workers differ from this machine, so nothing was started:{_lines(differences)}\n{MEND}")
    canaries = _ask(spark, fit_it, n_tasks)
    if any(answer["code"] != code_digest() for answer in canaries):
        foreign = [answer for answer in canaries if answer["code"] != code_digest()]
        raise RunError(
            f"another copy of {PACKAGE} than the one that this run has sent comes first on {_some(_hosts(foreign))}: "
            "take it off the workers' PYTHONPATH"
        )
    with threadpool_limits(limits=1):
        _warn_of_other_bits(canaries, fit_canary_here(ignore_stage))
    logger.info("workers on %s are like this machine (%.1f s)", _some(_hosts(versions)), time.monotonic() - started)


def _ask(spark: SparkSession, question: Question, n_tasks: int) -> list[Answer]:
    """Return the answers of as many tasks; without Arrow, which a worker may lack."""
    asked = F.udf(question, "string", useArrow=False)
    tasks = spark.range(0, n_tasks, 1, n_tasks)
    try:
        rows = tasks.select(asked(F.col("id")).alias("answer")).collect()
    except PySparkException as error:
        raise RunError(f"the workers cannot do this project's work: {cause_of(str(error))}\n{MEND}") from error
    return [json.loads(row["answer"]) for row in rows]


def _who_are_you(packages: Sequence[str]) -> Question:
    """Return a function that tells versions. It travels by value: where it runs, this package may be missing."""

    def answer(_: int) -> str:
        import json
        import platform
        import sys
        from importlib.metadata import PackageNotFoundError, version

        told = {"host": f"{platform.node()} ({sys.executable})", "python": "{}.{}".format(*sys.version_info)}
        for name in packages:
            try:
                told[name] = version(name)
            except PackageNotFoundError:
                told[name] = "absent"
        return json.dumps(told)

    return answer


def fit_it(_: int) -> str:
    """Fit the canary; a question to a worker that has the right versions."""
    host = f"{platform.node()} ({sys.executable})"
    told = {"host": host, "processor": platform.machine(), "code": code_digest(), "canary": fit_canary()}
    return json.dumps(told)


def own_versions() -> Answer:
    """Return what a worker that is like this machine answers, but for its name."""
    return {"python": "{}.{}".format(*sys.version_info), **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ABSENT


def differences_of(answers: Sequence[Answer], own: Answer) -> Iterator[str]:
    """Yield a line per difference: what, here, there, and on which workers.

    Args:
        answers: of the workers.
        own: what they should answer.
    """
    for name, expected in own.items():
        for found in sorted({answer[name] for answer in answers} - {expected}):
            hosts = _hosts(answer for answer in answers if answer[name] == found)
            yield f"{name}: {expected} here, {found} on {_some(hosts)}"


def _hosts(answers: Iterable[Answer]) -> list[str]:
    return sorted({answer["host"] for answer in answers})


def _warn_of_other_bits(canaries: Sequence[Answer], own_canary: str) -> None:
    """Say if equal code and libraries fit other bits there: processors round in their own ways."""
    others = [answer for answer in canaries if answer["canary"] != own_canary]
    if others:
        logger.warning(
            "workers on %s (%s) fit the same scenario to other last bits than this machine (%s), since processors "
            "round in their own ways. Their results are as good, but not equal to the bit to those made here",
            _some(_hosts(others)),
            ", ".join(sorted({answer["processor"] for answer in others})),
            platform.machine(),
        )


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"\n  {text}" for text in texts)


def _some(hosts: Sequence[str], most: int = 5) -> str:
    return ", ".join(hosts[:most]) + (f" and {len(hosts) - most} more" if len(hosts) > most else "")


def cause_of(message: str) -> str:
    """Return the telling line of Spark's message, which holds Python's traceback, or Java's."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    telling = [line for line in lines if TELLING.search(line) and not line.startswith(("at ", "File "))]
    return (telling or lines or ["no reason given"])[-1][:1_000]
