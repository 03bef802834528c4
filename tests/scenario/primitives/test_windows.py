import numpy as np

from distributed_automl.scenario.primitives.windows import STATISTICS, running_sum, window_statistic


def test_when_rows_are_cut_into_chunks_then_values_stay_to_the_last_bit(monkeypatch):
    codes, values = np.zeros(50, dtype=np.intp), np.random.default_rng(0).random(50)
    offsets = np.arange(1, 8)
    whole = window_statistic(codes, values, offsets, STATISTICS["mean"])
    monkeypatch.setattr("distributed_automl.scenario.primitives.windows._CHUNK_CELLS", 21)
    np.testing.assert_array_equal(window_statistic(codes, values, offsets, STATISTICS["mean"]), whole)


def test_when_a_neighbour_changes_then_a_running_sum_keeps_every_bit():
    codes = np.array([0, 0, 1, 1])
    alone = running_sum(codes[:2], np.array([0.1, 0.2]))
    beside = running_sum(np.array([0, 0, 1, 1]), np.array([1e16, 0.3, 0.1, 0.2]))
    np.testing.assert_array_equal(beside[2:], alone)
