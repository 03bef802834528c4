import pytest

from distributed_automl.reporting.formats import duration, money, number, percent, plural, signed

UNKNOWN = float("nan")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (percent(0.3125), "31.2%"),
        (percent(0.3125, 0), "31%"),
        (percent(UNKNOWN), "–"),
        (number(1234567.8), "1,234,568"),
        (number(3.0), "3"),
        (number(0.01234), "0.0123"),
        (signed(12), "+12"),
        (signed(-1234), "−1,234"),
        (signed(0), "0"),
        (money(2500.0, "USD"), "2,500 USD"),
        (money(2500.0, ""), "2,500"),
        (money(UNKNOWN, "USD"), "–"),
        (duration(0.123), "0.12 s"),
        (duration(59), "59 s"),
        (duration(200), "3 min 20 s"),
        (duration(3_720), "1 h 2 min"),
        (plural(1, "scenario"), "1 scenario"),
        (plural(1200, "scenario"), "1,200 scenarios"),
    ],
)
def test_when_a_number_is_written_then_it_reads_as_expected(written: str, expected: str) -> None:
    assert written == expected
