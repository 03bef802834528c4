import pytest

from distributed_automl.scenario.primitives.entity import EntityStatistic


def test_when_a_statistic_is_unknown_then_the_error_lists_those_there_are():
    with pytest.raises(ValueError, match="unknown statistic 'mode': expected one of"):
        EntityStatistic("mode")
