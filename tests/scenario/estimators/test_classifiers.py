"""What every classifier must keep: honest probabilities over the classes that it is asked about."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn import linear_model
from tests.scenario.estimators.designs import classification_design

from distributed_automl.scenario.design import Design, FloatArray, IntArray
from distributed_automl.scenario.estimators import CANDIDATES
from distributed_automl.scenario.estimators._base import Fitted
from distributed_automl.scenario.estimators.logistic_regression import fit_softmax
from distributed_automl.scenario.estimators.prior import FittedPrior

CLASSIFIERS = sorted(name for name, one in CANDIDATES.items() if one.tasks == {"classification"})
LEARNERS = sorted(set(CLASSIFIERS) - {"prior"})
TRAIN, REST = np.arange(300), np.arange(300, 400)


def fitted_on(name: str, design: Design, rows: IntArray = TRAIN) -> Fitted:
    candidate = CANDIDATES[name]
    return candidate.fit(design, rows, columns=["a", "b"], hyperparameters=candidate.defaults(design), seed=3)


def probabilities(name: str, design: Design, rows: IntArray = TRAIN) -> FloatArray:
    return fitted_on(name, design, rows).predict(design, rows, REST)


def asked_about(design: Design, *classes: str) -> Design:
    return replace(design, samples=replace(design.samples, classes=classes))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_when_classes_are_predicted_then_probabilities_sum_to_one_and_none_is_zero(name: str) -> None:
    found = probabilities(name, classification_design(400))
    assert found.shape == (100, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert (found > 0.0).all()


@pytest.mark.parametrize("name", LEARNERS)
def test_when_features_tell_the_class_then_most_of_the_uncertainty_is_gone(name: str) -> None:
    design = classification_design(400)
    codes = design.samples.y[REST].astype(int)
    ours, prior = (-np.log(found[np.arange(100), codes]).mean() for found in (
        probabilities(name, design), probabilities("prior", design)))  # fmt: skip
    assert ours < 0.65 * prior


@pytest.mark.parametrize("name", LEARNERS)
def test_when_classes_are_balanced_then_probabilities_are_still_about_real_rows(name: str) -> None:
    """Rows are weighted in learning, and the weights are taken out of the probabilities again."""
    frequent = classification_design(400).samples.y[TRAIN] == 2
    mean = probabilities(name, classification_design(400, class_weight="balanced"))[:, 2].mean()
    assert mean == pytest.approx(frequent.mean(), abs=0.08)
    assert mean != probabilities(name, classification_design(400))[:, 2].mean()


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_when_a_class_is_missing_from_the_training_rows_then_it_gets_the_share_of_one_row_that_says_nothing(
    name: str,
) -> None:
    design = classification_design(400)
    rows = TRAIN[design.samples.y[TRAIN] != 1]
    found = probabilities(name, design, rows)
    np.testing.assert_allclose(found[:, 1], 1 / 3 / (len(rows) + 1))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_when_there_is_one_class_then_it_is_nearly_certain(name: str) -> None:
    design = classification_design(400)
    rows = TRAIN[design.samples.y[TRAIN] == 1][:20]
    np.testing.assert_allclose(probabilities(name, design, rows)[:, 1], (20 + 1 / 3) / 21)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_when_asked_about_other_classes_then_the_answer_is_in_those(name: str) -> None:
    """A pooled model knows all classes of the pool; the scenario asks about its own."""
    design = classification_design(400)
    fitted = fitted_on(name, design)
    everything = fitted.predict(design, TRAIN, REST)
    raw = (301 * everything - 1 / 3) / 300  # before the row that says nothing
    own = fitted.predict(asked_about(design, "low", "new"), TRAIN, REST)
    np.testing.assert_allclose(own.sum(axis=1), 1.0)
    np.testing.assert_allclose(own[:, 0] / own[:, 1], (300 * raw[:, 1] + 1 / 4) / (1 / 4), rtol=1e-6)
    pair = fitted.predict(asked_about(design, "high", "low"), TRAIN, REST)
    np.testing.assert_allclose(pair.sum(axis=1), 1.0)
    np.testing.assert_allclose(pair[:, 0] / pair[:, 1], everything[:, 0] / everything[:, 1])


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_when_classes_of_other_rows_change_then_predictions_do_not_move(name: str) -> None:
    design = classification_design(400)
    y = design.samples.y.copy()
    y[REST] = (y[REST] + 1) % 3
    changed = replace(design, samples=replace(design.samples, frame=design.samples.frame.assign(price=y)))
    assert probabilities(name, changed).tobytes() == probabilities(name, design).tobytes()


def test_when_four_rows_are_counted_then_the_prior_is_by_hand() -> None:
    fitted = FittedPrior(("x", "y"), (3.0, 1.0))
    design = asked_about(classification_design(4), "x", "y")
    found = fitted.predict(design, np.array([], dtype=np.intp), np.array([0, 1]))
    np.testing.assert_allclose(found, np.tile([(3 + 0.5) / 5, (1 + 0.5) / 5], (2, 1)))


def test_when_nothing_is_known_then_all_classes_are_equally_probable() -> None:
    design = asked_about(classification_design(4), "x", "y")
    found = FittedPrior((), ()).predict(design, np.array([], dtype=np.intp), np.array([0]))
    assert found.tolist() == [[0.5, 0.5]]


def test_when_logistic_regression_is_fitted_then_it_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    codes = (X @ np.array([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 2.0]]) + rng.gumbel(size=(200, 3))).argmax(1)
    standardised = (X - X.mean(axis=0)) / X.std(axis=0)
    oracle = linear_model.LogisticRegression(C=1.0 / (200 * 0.01), tol=1e-10).fit(standardised, codes)
    ours = fit_softmax(X, codes, weights=np.ones(200), feature_transform="none", alpha=0.01)
    np.testing.assert_allclose(ours.predict(X), oracle.predict_proba(standardised), atol=2e-4)
