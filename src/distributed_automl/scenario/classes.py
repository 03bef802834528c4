"""Classes: their labels as text, their codes, probabilities over them, and the decision for one of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from distributed_automl.errors import TableError
from distributed_automl.parameters import Problem
from distributed_automl.scenario.columns import told_apart
from distributed_automl.scenario.design import FloatArray, IntArray, Samples
from distributed_automl.scenario.naming import text_of

UNKNOWN_CODE = np.inf
"""Code of a class that a model does not know: the row is neither asked for nor learned from."""


def label_of(value: Any) -> str:
    """Return a class's label. A whole number is written as one: beside nulls, pandas holds integers as floats."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return text_of(value)


def classes_of(column: pd.Series) -> tuple[str, ...]:
    """Return the labels that occur in a column of targets, sorted as text."""
    return tuple(sorted({label_of(value) for value in _uniques(column)[1]}))


def class_codes(column: pd.Series, classes: Sequence[str]) -> FloatArray:
    """Return the position of each row's class among `classes`; NaN where it is null, UNKNOWN_CODE for any other."""
    positions, uniques = _uniques(column)
    code_of = {label: float(code) for code, label in enumerate(classes)}
    codes = np.array([*(code_of.get(label_of(value), UNKNOWN_CODE) for value in uniques), np.nan])
    found: FloatArray = codes[positions]  # a null has the position -1: the last code
    return found


def _uniques(column: pd.Series) -> tuple[IntArray, pd.Index]:
    try:
        positions, uniques = pd.factorize(told_apart(column))
    except TypeError as error:
        raise TableError(f"target '{column.name}' must hold single values as classes; found {error}") from error
    return positions, pd.Index(uniques)


def over_classes(probabilities: FloatArray, own: Sequence[str], wanted: Sequence[str], n_rows: int) -> FloatArray:
    """Return probabilities over `own` classes as ones over `wanted` classes, none of them zero.

    To the rows that were learned from comes one that says nothing: no class is impossible after `n_rows` rows without
    it. With the classes' frequencies this is Bayes' estimate under Perks' prior, 1 / n_classes per class. What then
    belongs to classes that are not wanted is shared by the wanted ones in proportion.

    Args:
        probabilities: shape (n_rows_asked, n_own); rows sum to one.
        own: their classes.
        wanted: the classes asked for.
        n_rows: rows that the probabilities were learned from.

    Returns:
        Shape (n_rows_asked, n_wanted); rows sum to one.
    """
    place = {label: position for position, label in enumerate(own)}
    share = 1.0 / max(len({*own, *wanted}), 1)
    found = np.zeros((len(probabilities), len(wanted)))
    for position, label in enumerate(wanted):
        if label in place:
            found[:, position] = n_rows * probabilities[:, place[label]]
    mixed: FloatArray = (found + share) / (n_rows + 1)
    return mixed if place.keys() <= {*wanted} else mixed / mixed.sum(axis=1, keepdims=True)


def softmax(scores: FloatArray) -> FloatArray:
    """Return probabilities in proportion to the exponentials of scores; shape (n_rows, n_classes)."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: FloatArray = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def class_counts(samples: Samples, rows: IntArray) -> FloatArray:
    """Count rows by class, shape (n_classes,)."""
    codes = samples.y[rows].astype(np.intp)
    return np.bincount(codes, minlength=len(samples.classes)).astype(np.float64)


def balancing_weights(counts: FloatArray) -> FloatArray:
    """Return a weight per class that makes all classes that occur count the same, 1 on average over the rows."""
    occurs = counts > 0
    even = counts.sum() / max(int(occurs.sum()), 1)
    weights: FloatArray = np.divide(even, counts, out=np.ones(len(counts)), where=occurs)
    return weights


def class_costs(problem: Problem, classes: Sequence[str]) -> FloatArray:
    """Return what it costs to take a row of each class for another, shape (n_classes,)."""
    return np.array([problem.class_costs.get(label, 1.0) for label in classes])


def decision_weights(samples: Samples, rows: IntArray) -> FloatArray:
    """Return the weight of each class's probability when one class is decided for, shape (n_classes,).

    The costs, where there are any: then the class with the least expected cost is decided for. Else, where classes are
    to count the same, one over their frequency: best for the balanced accuracy.

    Args:
        samples: canonical rows.
        rows: positions learned from.
    """
    problem = samples.problem
    if problem.class_weight is None or problem.class_costs:
        return class_costs(problem, samples.classes)
    return balancing_weights(class_counts(samples, rows))


def decide(probabilities: FloatArray, weights: FloatArray) -> IntArray:
    """Return the code of the class with the greatest weighted probability, shape (n_rows,); -1 where there is no class.

    The expected cost of deciding for class c is the sum over the other classes of cost times probability: it is least
    where cost times probability of c itself is greatest.
    """
    if not probabilities.shape[1]:
        return np.full(len(probabilities), -1, dtype=np.intp)
    codes: IntArray = (probabilities * weights).argmax(axis=1)
    return codes
