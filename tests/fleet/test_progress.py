"""The line that people watch while a run trains."""

import io
import logging
import time

import pytest
from rich.console import Console

from distributed_automl.fleet import progress as module
from distributed_automl.fleet.progress import Progress, clock, watching


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


def test_when_a_wave_is_watched_then_what_it_has_finished_counts_before_it_ends(
    quiet: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with quiet.running("scenarios", 40, 80.0):
        quiet.begin(20, 40.0)
        with watching(lambda: (5, 1)):
            now = 110.0
            quiet.look()
            assert quiet.line() == (
                "scenarios: 5 of 40 done, 1 failed, 15 running, 0.5/s, about 1:10 left, 0:10 so far"
            )  # 5 of 20 are a quarter of 40 of 80 core-seconds
            now = 120.0
            quiet.look()
            assert quiet.seconds_left() == 60.0  # nothing new: the time goes on
        quiet.end(20, 3)
        assert quiet.line() == "scenarios: 20 of 40 done, 3 failed, 1.0/s, about 0:20 left, 0:20 so far"


def test_when_a_wave_is_saved_then_its_files_tell_how_many_failed(quiet: Progress) -> None:
    def refuse() -> tuple[int, int]:
        raise OSError("no listing for you")

    with quiet.running("predicted scenarios", 4, 4.0):
        quiet.begin(4, 4.0)
        assert quiet.n_failed_in_files() == 0
        with watching(lambda: (4, 3)):
            pass
        assert quiet.n_failed_in_files() == 3
        with watching(refuse):
            pass
        assert quiet.n_failed_in_files() == 0


def test_when_nobody_is_under_way_then_a_save_is_not_counted() -> None:
    with watching(lambda: pytest.fail("asked")):
        pass


def test_when_all_is_done_before_it_is_saved_then_it_is_not_counted_twice(quiet: Progress) -> None:
    with quiet.running("scenarios", 2, 2.0):
        quiet.begin(2, 2.0)
        quiet.end(2, 1)
        with watching(lambda: (2, 1)):
            quiet.look()
            assert "2 of 2 done, 1 failed" in quiet.line()


def test_when_somebody_who_is_told_raises_then_one_warning_says_so_and_the_rest_goes_on(
    quiet: Progress, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[dict[str, float]] = []

    def moody(figures: dict[str, float]) -> None:
        told.append(figures)
        if len(told) <= 2:
            raise RuntimeError("not now")

    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "sinks", [moody])
    with quiet.running("two words", 4, 4.0):
        deadline = time.monotonic() + 20
        while len(told) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert told[-1]["two_words_total"] == 4
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


def test_when_a_store_does_not_tell_then_the_line_goes_on(quiet: Progress) -> None:
    def refuse() -> tuple[int, int]:
        raise PermissionError("no listing for you")

    with quiet.running("pools", 1, 1.0):
        quiet.begin(1, 1.0)
        with watching(refuse):
            quiet.look()
        assert "pools: 0 of 1 done, 0 failed, 1 running" in quiet.line()


def test_when_others_want_figures_then_they_get_them_while_a_wave_runs_and_at_its_end(
    quiet: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, float]] = []
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "sinks", [told.append])
    with quiet.running("scenarios", 4, 4.0):
        quiet.begin(4, 4.0)
        with watching(lambda: (3, 1)):
            deadline = time.monotonic() + 20
            while not any(figures["scenarios_done"] == 3 for figures in told):
                assert time.monotonic() < deadline
                time.sleep(0.01)
        quiet.end(4, 2)
    assert set(told[0]) <= {f"scenarios_{name}" for name in ("done", "failed", "total", "per_second", "seconds_left")}
    last = told[-1]
    assert (last["scenarios_done"], last["scenarios_failed"], last["scenarios_total"]) == (4, 2, 4)
    assert last["scenarios_seconds_left"] == 0
