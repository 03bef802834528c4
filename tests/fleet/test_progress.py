"""The line that people watch while a run trains."""

import io
import logging
import time

import pytest
from rich.console import Console

from distributed_automl.fleet import progress as module
from distributed_automl.fleet.progress import Progress, clock


@pytest.fixture
def quiet() -> Progress:
    return Progress(Console(file=io.StringIO()))


def test_when_seconds_are_written_then_hours_appear_only_when_there_are_any() -> None:
    assert [clock(7.4), clock(750), clock(3723)] == ["0:07", "12:30", "1:02:03"]


def test_when_work_is_done_then_counts_and_time_left_follow(quiet: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with quiet.running("scenarios", 40, 80.0):
        quiet.begin(10, 20.0)
        assert quiet.seconds_left() is None
        now = 110.0
        quiet.end(10, 2)
        assert quiet.seconds_left() == 30.0  # 20 of 80 core-seconds took 10 s
        assert quiet.line() == "scenarios: 10 of 40 done, 2 failed, 1.0/s, about 0:30 left, 0:10 so far"
        quiet.begin(30, 60.0)
        now = 116.0
        assert quiet.seconds_left() == 24.0
        assert "30 running" in quiet.line()
        now = 140.0
        quiet.end(30, 0)
        assert quiet.line() == "scenarios: 40 of 40 done, 2 failed, 1.0/s, 0:40 so far"


def test_when_scenarios_end_one_by_one_then_the_wave_shrinks(quiet: Progress) -> None:
    with quiet.running("scenarios", 2, 4.0):
        quiet.begin(2, 4.0)
        quiet.stage("tune")
        quiet.end(1, 0)
        assert "1 of 2 done, 0 failed, 1 running (tune)" in quiet.line()
        quiet.end(1, 0)
        assert "running" not in quiet.line()


def test_when_there_is_no_terminal_then_the_log_gets_lines_while_a_wave_runs(
    quiet: Progress, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOG_SECONDS", 0.02)
    with caplog.at_level(logging.INFO), quiet.running("pools", 1, 1.0):
        quiet.begin(1, 1.0)
        time.sleep(0.2)
    assert len(caplog.messages) >= 3


def test_when_there_is_a_terminal_then_a_live_line_shows() -> None:
    shown = io.StringIO()
    live = Progress(Console(file=shown, force_terminal=True))
    with live.running("pools", 1, 1.0):
        live.begin(1, 1.0)
        time.sleep(0.4)
    assert "pools: 0 of 1 done" in shown.getvalue()
