"""Custom scikit-learn estimators: log and ratio features, clipped z-scores, regularised discriminant, calibrated blend.

The estimators hold only their arguments, arrays and simple attributes, so that skops can store them.
"""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    MetaEstimatorMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    clone,
)
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from core.errors import TableError
from core.models import forests
from core.schema import COLUMNS, GAIN_POWER

_HCDF = "_HarmonicChangeDetectionFunction_"
_MFCC = tuple(f"_MFCC_Mean_{i}" for i in range(1, 14))


def _mean(name: str) -> str:
    return f"_{name}_Mean"


# Columns that are positive and skewed, or whose perception is relative: a step is a ratio, not a difference.
LOGGED = tuple(
    _mean(name)
    for name in (
        *("RMSenergy", "Fluctuation", "Tempo", "Roughness", "Zero-crossingrate", "AttackTime", "Rolloff"),
        *("Eventdensity", "Pulseclarity", "Brightness", "Spectralcentroid", "Spectralspread"),
        *("Spectralskewness", "Spectralkurtosis", "Spectralflatness"),
    )
)

# name -> ((column, power), ...): the logarithm of a product of powers. Each compares two things that move together
# (roughness grows with loudness squared, rolloff with the centroid), so the ratio keeps what the pair does not share.
RATIOS: dict[str, tuple[tuple[str, int], ...]] = {
    "ln ZCR / centroid": ((_mean("Zero-crossingrate"), 1), (_mean("Spectralcentroid"), -1)),
    "ln roughness / RMS²": ((_mean("Roughness"), 1), (_mean("RMSenergy"), -2)),
    "ln centroid / spread": ((_mean("Spectralcentroid"), 1), (_mean("Spectralspread"), -1)),
    "ln rolloff / centroid": ((_mean("Rolloff"), 1), (_mean("Spectralcentroid"), -1)),
    "ln event density x attack time": ((_mean("Eventdensity"), 1), (_mean("AttackTime"), 1)),
    "ln event density / tempo": ((_mean("Eventdensity"), 1), (_mean("Tempo"), -1)),
    "ln pulse clarity / fluctuation": ((_mean("Pulseclarity"), 1), (_mean("Fluctuation"), -1)),
    "ln RMS x event density": ((_mean("RMSenergy"), 1), (_mean("Eventdensity"), 1)),
}
MFCC_SPREAD = "spread of the MFCC"

# Harmonic-change entropy varies by 0.4 % over the published table, so a small measurement error is many
# standard deviations; the other four columns depend on details of how the table was made.
FRAGILE = (
    _HCDF + "PeriodEntropy",
    _HCDF + "PeriodFreq",
    _HCDF + "Slope",
    "_AttackTime_Mean",
    "_AttackTime_Slope",
)

LOG_FLOOR = 5e-4  # half of the last digit of the published table: a printed 0.000 is at most this
RATIO_FLOOR = 1.0  # of a ratio that must not depend on the level; roughness / RMS² is above 1700 in the published table


class FeatureColumns(TransformerMixin, BaseEstimator):
    """Transform the published columns for a linear or Gaussian model.

    Parameters
    ----------
    log : replace the columns of ``LOGGED`` by their natural logarithm.
    ratios : add ``RATIOS`` and the spread of the 13 MFCC, each only if none of its columns is dropped.
    drop : columns to leave out.
    level_free : leave out what depends on the level of the recording, so that a quieter copy has the same values. Of
        RMS energy, roughness and fluctuation, only ln roughness / RMS² remains, in which the level cancels out.

    Notes
    -----
    ``transform`` takes a table with the columns of the schema in any order, or an array (n, 50) in schema order,
    and returns float64 (n, m). NaN propagates. The transformer learns nothing from the data.
    """

    level_free = False  # for the model files of version 0.2, which do not have this setting

    def __init__(
        self, *, log: bool = True, ratios: bool = True, drop: tuple[str, ...] = FRAGILE, level_free: bool = False
    ):
        self.log = log
        self.ratios = ratios
        self.drop = drop
        self.level_free = level_free

    def fit(self, X, y=None):  # type: ignore[no-untyped-def]
        """Check the columns. Raises TableError when one is missing."""
        unknown = [column for column in self.drop if column not in COLUMNS]
        if unknown:
            raise TableError(f"{unknown[0]} cannot be dropped: it is not a column of the published table.")
        _frame(X)
        self.n_features_in_ = len(COLUMNS)
        known = [column for column in COLUMNS if column not in self.drop]
        self.ratios_ = [name for name, parts in RATIOS.items() if {c for c, _ in parts} <= set(known)]
        self.kept_ = known
        if self.level_free:
            self.kept_ = [column for column in known if column not in GAIN_POWER]
            self.ratios_ = [name for name in self.ratios_ if _gain_power(name) == 0]
        return self

    def transform(self, X):  # type: ignore[no-untyped-def]
        """Table or array (n, 50) to float64 (n, m)."""
        check_is_fitted(self, "kept_")
        frame = _frame(X)
        ln = {c: np.log(np.maximum(frame[c].to_numpy(), LOG_FLOOR)) for c in LOGGED}
        columns = [ln[c] if self.log and c in ln else frame[c].to_numpy() for c in self.kept_]
        if self.ratios:
            columns += [self._ratio(name, frame, ln) for name in self.ratios_]
            if set(_MFCC) <= set(self.kept_):
                columns.append(frame[list(_MFCC)].to_numpy().std(axis=1, ddof=1))
        return np.column_stack(columns)

    def _ratio(self, name: str, frame: pd.DataFrame, ln: dict[str, np.ndarray]) -> np.ndarray:
        """Logarithm of a ratio. The floor is applied to each column, or to a ratio in which the level cancels out."""
        parts = RATIOS[name]
        if not (self.level_free and {c for c, _ in parts} & set(GAIN_POWER)):
            return sum(power * ln[c] for c, power in parts)  # type: ignore[return-value]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.prod([frame[c].to_numpy() ** float(power) for c, power in parts], axis=0)
        return np.log(np.maximum(np.where(np.isfinite(ratio), ratio, np.nan), RATIO_FLOOR))

    def get_feature_names_out(self, input_features=None):  # type: ignore[no-untyped-def]
        """Names of the columns that ``transform`` returns, shape (m,)."""
        check_is_fitted(self, "kept_")
        names = [f"ln {c}" if self.log and c in LOGGED else c for c in self.kept_]
        if self.ratios:
            names += self.ratios_
            names += [MFCC_SPREAD] if set(_MFCC) <= set(self.kept_) else []
        return np.array(names, dtype=object)

    def __sklearn_tags__(self):  # type: ignore[no-untyped-def]
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.requires_fit = True
        return tags


def _gain_power(name: str) -> float:
    """Power of the gain by which a ratio grows; NaN if it follows no simple law."""
    return sum(power * GAIN_POWER.get(column, 0.0) for column, power in RATIOS[name])


def _frame(X: pd.DataFrame | np.ndarray) -> pd.DataFrame:
    """The 50 columns in schema order as float64; raises TableError when a column is missing."""
    if isinstance(X, pd.DataFrame):
        missing = [column for column in COLUMNS if column not in X.columns]
        if missing:
            raise TableError(
                f"The table lacks {len(missing)} of the {len(COLUMNS)} feature columns, first {missing[0]}: "
                "the model needs all of them (a cell may be empty)."
            )
        return X[list(COLUMNS)].astype(float)
    values = np.asarray(X, dtype=float)
    if values.ndim != 2 or values.shape[1] != len(COLUMNS):
        raise TableError(f"The model needs {len(COLUMNS)} columns a clip; these values have the shape {values.shape}.")
    return pd.DataFrame(values, columns=list(COLUMNS))


class ClipScores(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Clip values to [-limit, limit], so that no standardised feature dominates the others."""

    def __init__(self, *, limit: float = 3.0):
        self.limit = limit

    def fit(self, X, y=None):  # type: ignore[no-untyped-def]
        validate_data(self, X)
        return self

    def transform(self, X):  # type: ignore[no-untyped-def]
        check_is_fitted(self, "n_features_in_")
        return np.clip(validate_data(self, X, reset=False), -self.limit, self.limit)


class RegularisedDiscriminant(ClassifierMixin, BaseEstimator):
    """Gaussian discriminant between linear and quadratic, for few rows and many columns.

    Parameters
    ----------
    pooled : weight of the pooled covariance in [0, 1]; the rest is the covariance of the class.
    shrink : amount in [0, 1] by which each covariance shrinks toward the identity times its mean variance.

    Notes
    -----
    After Friedman (1989), Regularized discriminant analysis, with fixed amounts.
    """

    def __init__(self, *, pooled: float = 0.8, shrink: float = 0.3):
        self.pooled = pooled
        self.shrink = shrink

    def fit(self, X, y):  # type: ignore[no-untyped-def]
        """Means and regularised covariances of the classes. Raises ValueError for a class of a single row."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        counts = np.bincount(codes)
        if len(self.classes_) < 2 or counts.min() < 2:
            raise ValueError(
                "The discriminant needs at least 2 classes of at least 2 rows each; got class counts "
                f"{dict(zip(self.classes_.tolist(), counts.tolist(), strict=True))}."
            )
        self.means_ = np.array([X[codes == k].mean(axis=0) for k in range(len(counts))])
        centred = X - self.means_[codes]
        common = centred.T @ centred / max(len(X) - len(counts), 1)
        precisions, offsets = [], []
        for k, count in enumerate(counts):
            own = centred[codes == k].T @ centred[codes == k] / (count - 1)
            covariance = self.pooled * common + (1 - self.pooled) * own
            sphere = max(np.trace(covariance) / X.shape[1], np.finfo(float).tiny) * np.eye(X.shape[1])
            covariance = (1 - self.shrink) * covariance + self.shrink * sphere
            precisions.append(np.linalg.pinv(covariance, hermitian=True))
            log_det = np.linalg.slogdet(covariance)[1]
            offsets.append(np.log(count / len(X)) - 0.5 * log_det)
        self.precisions_, self.offsets_ = np.array(precisions), np.array(offsets)
        return self

    def _log_joint(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self, "precisions_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        away = X[:, None, :] - self.means_  # (n, classes, columns)
        distances = np.einsum("nkc,kcd,nkd->nk", away, self.precisions_, away, optimize=True)
        return self.offsets_ - 0.5 * distances

    def predict_proba(self, X):  # type: ignore[no-untyped-def]
        """Probabilities, shape (n, classes), rows sum to 1."""
        joint = self._log_joint(X)
        odds = np.exp(joint - joint.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def predict(self, X):  # type: ignore[no-untyped-def]
        """The most probable class of each row."""
        joint = self._log_joint(X)
        return self.classes_[joint.argmax(axis=1)]


class EncodedLabels(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Wrapper for a classifier that needs integer labels (XGBoost), so that it accepts emotion names."""

    def __init__(self, estimator=None):  # type: ignore[no-untyped-def]
        self.estimator = estimator

    def fit(self, X, y):  # type: ignore[no-untyped-def]
        encoder = LabelEncoder().fit(y)
        self.classes_ = encoder.classes_
        self.estimator_ = clone(self.estimator).fit(X, encoder.transform(y))
        self.n_features_in_ = np.shape(X)[1]
        return self

    def predict_proba(self, X):  # type: ignore[no-untyped-def]
        """Probabilities, shape (n, classes), in the order of ``classes_``."""
        check_is_fitted(self, "estimator_")
        return np.asarray(self.estimator_.predict_proba(X), dtype=float)

    def predict(self, X):  # type: ignore[no-untyped-def]
        """The most probable class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class CalibratedBlend(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Average of the calibrated probabilities of several models.

    Parameters
    ----------
    estimators : pairs of name and classifier. Each classifier has ``predict_proba`` or a multiclass
        ``decision_function``, whose values are used as log-odds.
    folds, random_state : number and seed of the folds of training rows for learning the temperatures.

    Notes
    -----
    Each member's log-probabilities are divided by the member's temperature, the probabilities are averaged, and the
    log-probabilities of the average are divided by a final temperature. Each temperature minimises the log-loss of
    out-of-fold predictions. After Guo et al. (2017), On calibration of modern neural networks. Nesting scikit-learn's
    CalibratedClassifierCV would fit each member 36 times instead of 6.
    """

    def __init__(self, estimators=(), *, folds: int = 5, random_state: int = 0):  # type: ignore[no-untyped-def]
        self.estimators = estimators
        self.folds = folds
        self.random_state = random_state

    def fit(self, X, y):  # type: ignore[no-untyped-def]
        """Fit the members on all rows, and the temperatures on folds of them."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        cv = StratifiedKFold(self.folds, shuffle=True, random_state=self.random_state)
        aside = [_unseen_log_odds(model, X, y, cv) for _, model in self.estimators]
        self.temperatures_ = np.array([_best_temperature(log_odds, codes) for log_odds in aside])
        self.temperature_ = _best_temperature(_log(self._mean(aside)), codes)
        self.estimators_ = [clone(model).fit(X, y) for _, model in self.estimators]
        self.n_features_in_ = np.shape(X)[1]
        return self

    def _mean(self, log_odds: list[np.ndarray]) -> np.ndarray:
        cooled = [softmax(z / t, axis=1) for z, t in zip(log_odds, self.temperatures_, strict=True)]
        return np.mean(cooled, axis=0)

    def mean_proba(self, X):  # type: ignore[no-untyped-def]
        """Mean of the members' calibrated probabilities, before the final temperature; additive over members."""
        check_is_fitted(self, "estimators_")
        return self._mean([_log_odds(model, X) for model in self.estimators_])

    def predict_proba(self, X):  # type: ignore[no-untyped-def]
        """Probabilities, shape (n, classes), rows sum to 1."""
        return softmax(_log(self.mean_proba(X)) / self.temperature_, axis=1)

    def predict(self, X):  # type: ignore[no-untyped-def]
        """The most probable class of each row."""
        best = self.mean_proba(X).argmax(axis=1)
        return self.classes_[best]


def _log(proba: np.ndarray) -> np.ndarray:
    return np.log(np.clip(proba, 1e-6, 1))  # a tree may return 0, which has an infinite log-loss


def _log_odds(model: BaseEstimator, X: np.ndarray) -> np.ndarray:
    return _log(forests.predict_proba(model, X)) if hasattr(model, "predict_proba") else model.decision_function(X)


def _unseen_log_odds(model: BaseEstimator, X: np.ndarray, y: np.ndarray, cv: StratifiedKFold) -> np.ndarray:
    """Out-of-fold predictions of the model for each row."""
    method = "predict_proba" if hasattr(model, "predict_proba") else "decision_function"
    said = cross_val_predict(clone(model), X, y, cv=cv, method=method)
    return _log(said) if method == "predict_proba" else said


def _best_temperature(log_odds: np.ndarray, codes: np.ndarray) -> float:
    """Find the temperature in [1/20, 20] with the smallest log-loss."""
    rows = np.arange(len(codes))

    def loss(log_t: float) -> float:
        return -float(log_softmax(log_odds / np.exp(log_t), axis=1)[rows, codes].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-np.log(20), np.log(20)), method="bounded").x))
