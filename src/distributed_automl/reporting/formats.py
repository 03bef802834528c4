"""How numbers read: one function per kind of number. What is not known is a dash."""

import math

UNKNOWN = "–"  # noqa: RUF001 - an en dash, as in a printed table


def percent(share: float, digits: int = 1) -> str:
    """Write a share: 0.3125 gives "31.2%"."""
    return UNKNOWN if not math.isfinite(share) else f"{100 * share:.{digits}f}%"


def number(value: float) -> str:
    """Write a quantity with three significant digits or all of its whole ones: 1234567.8 gives "1,234,568"."""
    if not math.isfinite(value):
        return UNKNOWN
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:,.3g}"


def signed(value: float) -> str:
    """Write a difference with its sign: 12 gives "+12"; a minus is as wide as a plus."""
    text = number(abs(value))
    return text if text in (UNKNOWN, "0") else f"{'+' if value > 0 else '−'}{text}"  # noqa: RUF001


def money(value: float, currency: str) -> str:
    """Write an amount with its currency, if that is known: (1234.5, "USD") gives "1,234 USD" or so."""
    return f"{number(value)} {currency}".rstrip() if math.isfinite(value) else UNKNOWN


def duration(seconds: float) -> str:
    """Write a duration in its two largest units: 200 gives "3 min 20 s"."""
    if not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plural(count: int, noun: str) -> str:
    """Write a count with its noun: (1, "scenario") gives "1 scenario"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
