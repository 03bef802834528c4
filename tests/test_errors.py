from distributed_automl.errors import causes


def test_when_errors_have_causes_then_they_come_in_turn() -> None:
    inner, outer = ValueError("inner"), KeyError("outer")
    outer.__cause__ = inner
    assert list(causes(outer)) == [outer, inner]
