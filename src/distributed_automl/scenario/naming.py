"""Names of scenarios and series, and the text of a value: the same here and in Spark's SQL."""

import datetime as dt
import numbers
from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
import pandas as pd

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem


def scenario_id_of(values: Mapping[str, object], problem: Problem) -> str:
    """Return the scenario's name: one key's plain text, or the keys' `key=value` pairs joined by "/".

    In pairs "%", "/" and "=" are escaped as %25, %2F and %3D. Texts are those of Spark's cast to string.

    Args:
        values: a row, or anything with the scenario keys.
        problem: the use case.

    Raises:
        TableError: a key is absent or null.
    """
    return name_of([(key, _key_text(values, key)) for key in problem.scenario_keys])


def _key_text(values: Mapping[str, object], key: str) -> str:
    value = values.get(key)
    if value is None or bool(pd.isna(value)):  # type: ignore[call-overload]
        raise TableError(f"scenario key '{key}' must have a value in every row; found {value!r}: fill or drop")
    return text_of(value)


def name_of(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the name that some (key, text) pairs give; see `scenario_id_of`."""
    if len(pairs) == 1:
        return pairs[0][1]
    return "/".join(f"{escaped(key)}={escaped(text)}" for key, text in pairs)


def escaped(text: str) -> str:
    """Escape what joins pairs: "%", "/" and "="."""
    return text.replace("%", "%25").replace("/", "%2F").replace("=", "%3D")


def text_of(value: object) -> str:
    """Return a value's text as Spark casts it to string: 'true', '7', '1.50', '2017-12-03', '2017-12-03 06:00:00'.

    Half of a surrogate pair, which pandas may hold and no UTF-8 can, is written as "?": as Java does.
    """
    match value:
        case str():
            return value if value.isascii() else value.encode(errors="replace").decode()
        case bool() | np.bool_():
            return "true" if value else "false"
        case numbers.Integral():
            return str(int(value))
        case np.datetime64() | dt.datetime():
            text = pd.Timestamp(value).isoformat(sep=" ")
            return text.rstrip("0") if "." in text else text
        case dt.date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case float() | np.floating():
            return _float_text(float(value))
    return str(value)


def _float_text(value: float) -> str:
    """Write a double as Java does: plain from 0.001 to 10,000,000, else with an exponent ("1.5E10")."""
    if not np.isfinite(value) or value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value).replace("inf", "Infinity").replace("nan", "NaN")
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{rest}E{len(digits) - 1 + int(exponent)}"
