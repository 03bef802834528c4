"""The few errors of the program. Each message says what was expected, what was found, where, and how to mend it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause's cause, and so on."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


@contextmanager
def tolerated(complain: Callable[[Exception], object]) -> Iterator[None]:
    """Let what only tells of a run fail without ending the run, or the thread that tells: a beat, a progress line.

    Nothing that a result depends on may stand inside. Stores and servers raise classes of their own, not known here.

    Args:
        complain: told the error.
    """
    try:
        yield
    except Exception as error:
        complain(error)


class AutoMLError(Exception):
    """Base of every error that the program raises on purpose."""


class TableError(AutoMLError):
    """A table does not keep its contract: a column, a type, a key or a row is wrong."""


class RunError(AutoMLError):
    """A run cannot go on, or ended worse than its parameters tolerate."""


class ModelError(AutoMLError):
    """A stored model cannot be trusted or read: wrong digest, unknown format, missing part."""


class ScenarioSkipped(AutoMLError):  # noqa: N818 - an outcome rather than a fault
    """A scenario that cannot be modelled, with the reason: too few rows, a constant target, a broken calendar."""


class LimitExceeded(AutoMLError):  # noqa: N818
    """A scenario was stopped from outside: too many seconds, too much memory, or its process died."""
