import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributed_automl.scenario.blocks import block_ends


@pytest.mark.parametrize(
    ("horizon", "season", "n_blocks", "expected"),
    [
        (28, 7, 4, (7, 14, 21, 28)),
        (28, 7, 1, (28,)),
        (30, 7, 4, (14, 21, 28, 30)),  # 8, 15, 23, 30 in whole weeks
        (48, 24, 4, (12, 24, 36, 48)),  # a season is longer than a block
        (8, 52, 4, (2, 4, 6, 8)),
        (10, 1, 4, (3, 5, 8, 10)),
        (3, 7, 4, (1, 2, 3)),
        (1, 1, 4, (1,)),
        (20, 7, 2, (14, 20)),
    ],
)
def test_when_a_horizon_is_cut_then_blocks_are_about_equal_and_end_on_whole_seasons(
    horizon, season, n_blocks, expected
):
    assert block_ends(horizon, season, n_blocks) == expected


@given(horizon=st.integers(1, 10_000), season=st.integers(1, 400), n_blocks=st.integers(1, 28))
def test_when_any_horizon_is_cut_then_ends_ascend_to_the_horizon_and_none_is_too_early(horizon, season, n_blocks):
    ends = block_ends(horizon, season, n_blocks)
    assert ends == tuple(sorted(set(ends)))
    assert ends[-1] == horizon
    assert len(ends) <= n_blocks
    assert ends[0] >= horizon / n_blocks
