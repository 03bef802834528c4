"""The blocks of a horizon: how much fresher the past of an early step may be."""


def block_ends(horizon: int, season: int, n_blocks: int) -> tuple[int, ...]:
    """Cut the horizon into blocks of about equal length and return their ends, ascending; the last is the horizon.

    A row in a block may see what is at least as old as the block's end. Where a season is shorter than a block, ends
    are whole seasons, so that the youngest whole season stays as fresh as the block allows:

        horizon 28, season 7, 4 blocks:  |--7--|--14--|--21--|--28--|
        horizon 30, season 7, 4 blocks:  |----14----|--21--|--28--|30|

    Args:
        horizon: steps.
        season: steps; 1 is none.
        n_blocks: at most; fewer where ends coincide.
    """
    unit = season if season * n_blocks < horizon else 1
    ends = (-(-horizon * block // n_blocks) for block in range(1, n_blocks + 1))
    return tuple(sorted({min(unit * -(-end // unit), horizon) for end in ends}))
