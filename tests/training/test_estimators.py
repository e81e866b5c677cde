"""Our scikit-learn parts do what their names say, and behave as scikit-learn expects."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from core.dataset.stand_in import sample
from core.errors import TableError
from core.schema import COLUMNS, EMOTIONS, LABEL
from core.training.candidates import blend_members, calibrated, prepared, with_probabilities
from core.training.estimators import (
    FRAGILE,
    LOG_FLOOR,
    LOGGED,
    MFCC_SPREAD,
    RATIOS,
    CalibratedBlend,
    ClipScores,
    EncodedLabels,
    FeatureColumns,
    RegularisedDiscriminant,
)

ZCR, CENTROID, RMS = "_Zero-crossingrate_Mean", "_Spectralcentroid_Mean", "_RMSenergy_Mean"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return sample(seed=1, n_per_class=30)


@pytest.fixture(scope="module")
def X(table) -> pd.DataFrame:
    return table[list(COLUMNS)]


def out(X, **settings) -> pd.DataFrame:
    columns = FeatureColumns(**settings).fit(X)
    return pd.DataFrame(columns.transform(X), columns=columns.get_feature_names_out())


@parametrize_with_checks([RegularisedDiscriminant(), ClipScores()])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "estimator",
    [
        FeatureColumns(log=False, drop=("_Tempo_Mean",)),
        ClipScores(limit=2.0),
        RegularisedDiscriminant(pooled=0.5, shrink=0.1),
        EncodedLabels(LogisticRegression(C=0.1)),
        CalibratedBlend([("lr", LogisticRegression(C=0.1))], folds=3),
    ],
    ids=lambda e: type(e).__name__,
)
def test_a_clone_has_the_same_settings(estimator):
    copy = clone(estimator)
    before, after = estimator.get_params(), copy.get_params()
    nested = {name for name, value in before.items() if hasattr(value, "get_params") or name == "estimators"}
    assert {k: v for k, v in after.items() if k not in nested} == {k: v for k, v in before.items() if k not in nested}
    assert copy.set_params(**before).get_params().keys() == before.keys()


def test_logs_replace_columns_and_the_rest_stays(X):
    made = out(X, ratios=False, drop=())
    assert made.shape == X.shape
    for column in COLUMNS:
        if column in LOGGED:
            np.testing.assert_allclose(made[f"ln {column}"], np.log(X[column]))
        else:
            np.testing.assert_array_equal(made[column], X[column])


def test_a_printed_zero_is_half_of_the_last_digit(X):
    zero = X.assign(**{RMS: 0.0})
    assert out(zero)[f"ln {RMS}"].unique() == pytest.approx([np.log(LOG_FLOOR)])


@pytest.mark.parametrize(("name", "parts"), RATIOS.items())
def test_a_ratio_is_the_log_of_the_product_of_powers(X, name, parts):
    expected = np.log(np.prod([X[column] ** float(power) for column, power in parts], axis=0))
    np.testing.assert_allclose(out(X, drop=())[name], expected)


def test_louder_recording_has_the_same_roughness_for_its_loudness(X):
    """Roughness grows with the square of the amplitude: the ratio takes that away."""
    louder = X.assign(**{RMS: X[RMS] * 3, "_Roughness_Mean": X["_Roughness_Mean"] * 9})
    name = "ln roughness / RMS²"
    np.testing.assert_allclose(out(louder)[name], out(X)[name])


def at_gain(X, gain):
    return X.assign(**{RMS: X[RMS] * gain, "_Roughness_Mean": X["_Roughness_Mean"] * gain**2})


@pytest.mark.parametrize("gain_db", [-60, -40, -20, 6])
def test_level_free_columns_do_not_depend_on_the_level(X, gain_db):
    """Also far below the floor of single columns, where the columns of version 0.2 change."""
    quiet = at_gain(X, 10 ** (gain_db / 20))
    np.testing.assert_allclose(out(quiet, level_free=True), out(X, level_free=True), atol=1e-9)
    if gain_db == -60:
        name = "ln roughness / RMS²"
        assert np.abs(out(quiet)[name] - out(X)[name]).max() > 1


def test_level_free_columns_lack_what_moves_with_the_level(X):
    free, all_columns = set(out(X, level_free=True)), set(out(X))
    assert all_columns - free == {
        *(f"ln {RMS}", "ln _Roughness_Mean", "ln _Fluctuation_Mean"),
        *("ln RMS x event density", "ln pulse clarity / fluctuation"),
    }
    moved = X.assign(_Fluctuation_Mean=99.0)
    np.testing.assert_array_equal(out(moved, level_free=True), out(X, level_free=True))


def test_no_roughness_is_the_floor_and_no_energy_is_unknown(X):
    name = "ln roughness / RMS²"
    assert (out(X.assign(_Roughness_Mean=0.0), level_free=True)[name] == 0).all()
    assert out(X.assign(**{RMS: 0.0}), level_free=True)[name].isna().all()


def test_columns_of_a_stored_model_of_0_2_stay_as_they_were(X):
    """Their state has no setting for the level."""
    old = FeatureColumns().fit(X)
    del old.__dict__["level_free"]
    np.testing.assert_array_equal(old.transform(X), out(X))
    assert clone(old).level_free is False


def test_spread_of_the_mfcc(X):
    mfcc = X[[f"_MFCC_Mean_{i}" for i in range(1, 14)]]
    np.testing.assert_allclose(out(X)[MFCC_SPREAD], mfcc.std(axis=1))
    assert MFCC_SPREAD not in out(X, drop=("_MFCC_Mean_7",))


def test_dropped_columns_take_their_ratios_with_them(X):
    made = out(X, drop=(ZCR,))
    assert f"ln {ZCR}" not in made
    assert "ln ZCR / centroid" not in made
    assert "ln rolloff / centroid" in made


def test_fragile_columns_change_nothing(X):
    shaken = X.assign(**{column: X[column] * 5 for column in FRAGILE})
    np.testing.assert_array_equal(out(X), out(shaken))


def test_missing_stays_missing_where_it_is_needed_and_only_there(X):
    missing = X.copy()
    missing.iloc[0, X.columns.get_loc(ZCR)] = np.nan
    made = out(missing)
    assert set(made.columns[made.iloc[0].isna()]) == {f"ln {ZCR}", "ln ZCR / centroid"}
    assert made.iloc[1:].notna().all(axis=None)


def test_order_of_columns_and_kind_of_table_do_not_matter(X):
    np.testing.assert_array_equal(out(X), out(X[X.columns[::-1]]))
    columns = FeatureColumns().fit(X)
    np.testing.assert_array_equal(columns.transform(X), columns.transform(X.to_numpy()))


def test_refusals_name_the_column(X):
    with pytest.raises(TableError, match="lacks 1 of the 50 feature columns, first _Tempo_Mean"):
        FeatureColumns().fit(X.drop(columns="_Tempo_Mean"))
    with pytest.raises(TableError, match=r"needs 50 columns a clip; these values have the shape \(3, 49\)"):
        FeatureColumns().fit(np.zeros((3, 49)))
    with pytest.raises(TableError, match="tempo cannot be dropped"):
        FeatureColumns(drop=("tempo",)).fit(X)


def test_scores_are_cut_at_the_limit():
    X = np.array([[-9.0, 0.5], [2.0, 9.0]])
    np.testing.assert_array_equal(ClipScores(limit=3).fit_transform(X), [[-3, 0.5], [2, 3]])


@pytest.fixture(scope="module")
def gaussian() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    y = rng.choice(list(EMOTIONS), 300)
    X = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + np.array([ord(label[0]) % 7 for label in y])[:, None]
    return X, y


def bayes(X, y, covariances) -> np.ndarray:
    """Probabilities of Gaussian classes with these covariances, by Bayes' rule."""
    density = [np.mean(y == e) * multivariate_normal(X[y == e].mean(axis=0), covariances[e]).pdf(X) for e in EMOTIONS]
    return np.transpose(density) / np.sum(density, axis=0)[:, None]


def test_all_pooled_is_the_linear_discriminant(gaussian):
    X, y = gaussian
    common = sum((np.sum(y == e) - 1) * np.cov(X[y == e].T) for e in EMOTIONS) / (len(y) - 4)
    ours = RegularisedDiscriminant(pooled=1, shrink=0).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), bayes(X, y, dict.fromkeys(EMOTIONS, common)), atol=1e-9)


def test_nothing_pooled_is_the_quadratic_discriminant(gaussian):
    X, y = gaussian
    ours = RegularisedDiscriminant(pooled=0, shrink=0).fit(X, y)
    np.testing.assert_allclose(
        ours.predict_proba(X), bayes(X, y, {e: np.cov(X[y == e].T) for e in EMOTIONS}), atol=1e-9
    )


def test_shrunk_all_the_way_only_the_distance_to_the_mean_counts(gaussian):
    X, y = gaussian
    keep = np.concatenate([np.flatnonzero(y == e)[:50] for e in EMOTIONS])  # equal classes: no prior
    X, y = X[keep], y[keep]
    ours = RegularisedDiscriminant(pooled=1, shrink=1).fit(X, y)
    nearest = np.linalg.norm(X[:, None] - ours.means_, axis=2).argmin(axis=1)
    np.testing.assert_array_equal(ours.predict(X), ours.classes_[nearest])


def test_more_columns_than_rows_of_a_class_is_no_problem():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 60)), np.repeat(EMOTIONS, 10)
    assert np.isfinite(RegularisedDiscriminant().fit(X, y).predict_proba(X)).all()


def test_a_class_of_one_row_is_refused():
    with pytest.raises(ValueError, match="at least 2 rows each"):
        RegularisedDiscriminant().fit(np.eye(3), ["a", "a", "b"])


def test_encoded_labels_are_the_same_model(gaussian):
    X, y = gaussian
    plain = LogisticRegression(max_iter=5000).fit(X, y)
    ours = EncodedLabels(LogisticRegression(max_iter=5000)).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(X), plain.predict(X))
    assert list(ours.classes_) == list(EMOTIONS)


@pytest.mark.parametrize(("name", "model"), blend_members(0))
def test_members_take_a_single_clip_with_missing_features(table, X, name, model):
    pipeline = prepared(with_probabilities(model, seed=0)).fit(X, table[LABEL])
    nothing = pd.DataFrame([[np.nan] * 50], columns=list(COLUMNS))
    one = X.iloc[[0]].assign(_Tempo_Mean=np.nan)
    for clip in (nothing, one):
        proba = pipeline.predict_proba(clip)
        assert proba.shape == (1, 4)
        assert proba.sum() == pytest.approx(1)
        assert (proba >= 0).all()


def test_what_is_missing_counts_as_the_median_of_the_training_clips(table, X):
    """Imputation happens after logs and ratios: an empty clip is the median clip in those columns."""
    pipeline = prepared(RegularisedDiscriminant()).fit(X, table[LABEL])
    nothing = pd.DataFrame([[np.nan] * 50], columns=list(COLUMNS))
    made = pipeline[:2].transform(nothing)
    np.testing.assert_allclose(made[0], np.median(pipeline[:1].transform(X), axis=0))


def log_loss(proba, y) -> float:
    return -np.log(proba[np.arange(len(y)), [list(EMOTIONS).index(e) for e in y]]).mean()


@pytest.fixture(scope="module")
def hard() -> tuple[np.ndarray, np.ndarray]:
    """Few rows, many columns of noise: what is fitted on them is far too sure."""
    rng = np.random.default_rng(7)
    y = np.repeat(EMOTIONS, 60)
    return rng.normal(size=(240, 30)) + np.repeat(np.eye(4, 30), 60, axis=0), y


def test_one_member_of_a_blend_is_that_member_with_a_temperature(hard):
    """The second temperature finds nothing left to do; scikit-learn's calibration on the same folds agrees."""
    X, y = hard
    sharp = LogisticRegression(C=100, max_iter=5000)
    ours = CalibratedBlend([("lr", sharp)]).fit(X, y)
    theirs = calibrated(sharp, seed=0).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-3)
    assert ours.temperatures_[0] > 1.2
    assert ours.temperature_ == pytest.approx(1, abs=0.02)


def test_a_blend_is_less_wrong_about_itself_than_the_plain_mean(hard):
    X, y = hard
    train = np.arange(240) % 3 > 0
    members = [("lr", LogisticRegression(C=100, max_iter=5000)), ("rda", RegularisedDiscriminant(pooled=1, shrink=0))]
    ours = CalibratedBlend(members).fit(X[train], y[train])
    plain = np.mean([clone(m).fit(X[train], y[train]).predict_proba(X[~train]) for _, m in members], axis=0)
    assert log_loss(ours.predict_proba(X[~train]), y[~train]) < log_loss(plain, y[~train]) - 0.05


def test_a_blend_averages_calibrated_members(hard):
    X, y = hard
    members = [("rda", RegularisedDiscriminant()), ("svm", SVC(gamma=0.01))]  # one gives scores instead
    ours = CalibratedBlend(members).fit(X, y)
    mean = ours.mean_proba(X)
    rda, svm = ours.estimators_
    cooled = [
        softmax(z / t, axis=1)
        for z, t in zip((np.log(rda.predict_proba(X)), svm.decision_function(X)), ours.temperatures_, strict=True)
    ]
    np.testing.assert_allclose(mean, np.mean(cooled, axis=0), atol=1e-5)
    np.testing.assert_array_equal(ours.predict(X), ours.classes_[mean.argmax(axis=1)])
    order = np.argsort(ours.predict_proba(X), axis=1)
    np.testing.assert_array_equal(order, np.argsort(mean, axis=1))  # the last temperature moves no ranking


def test_the_order_of_labels_in_a_blend_is_alphabetical(hard):
    X, y = hard
    ours = CalibratedBlend([("rda", RegularisedDiscriminant())]).fit(X[::-1], y[::-1])
    assert list(ours.classes_) == list(EMOTIONS)
    assert ours.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(240))
