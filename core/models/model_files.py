"""The types that a model file may contain, and the library that reads and writes model files: skops."""

import threading
from types import ModuleType

# Our own estimators. Model files of version 0.2 name the first module, newer ones the second.
_ESTIMATORS_IN = ("estimators", "training.estimators")
_ESTIMATORS = ("CalibratedBlend", "ClipScores", "EncodedLabels", "FeatureColumns", "RegularisedDiscriminant")
# The estimators of scikit-learn that the candidates contain (`core.training.candidates`).
SKLEARN_ESTIMATORS = (
    "sklearn.calibration.CalibratedClassifierCV",
    "sklearn.decomposition._pca.PCA",
    "sklearn.dummy.DummyClassifier",
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._forest.RandomForestClassifier",
    "sklearn.ensemble._gb.GradientBoostingClassifier",
    "sklearn.ensemble._stacking.StackingClassifier",
    "sklearn.ensemble._voting.VotingClassifier",
    "sklearn.impute._base.SimpleImputer",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.neighbors._classification.KNeighborsClassifier",
    "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._label.LabelBinarizer",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.svm._classes.SVC",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._classes.DecisionTreeRegressor",
    "sklearn.tree._classes.ExtraTreeClassifier",
)
# Types that a model file may contain, in addition to numbers, texts, numpy arrays and functions that skops trusts.
TRUSTED = (
    *SKLEARN_ESTIMATORS,
    "collections.OrderedDict",
    *(f"core.{place}.{name}" for place in _ESTIMATORS_IN for name in _ESTIMATORS),
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
)
_lock = threading.Lock()


def skops_io() -> ModuleType:
    """Return the module ``skops.io``, imported without its list of all estimators.

    For that list, skops imports all of scikit-learn, which takes seconds. ``TRUSTED`` names the estimators instead, so
    that fewer types are trusted, never more.
    """
    import sklearn.utils

    with _lock:
        find_all, sklearn.utils.all_estimators = sklearn.utils.all_estimators, lambda *_, **__: []
        try:
            import skops.io
        finally:
            sklearn.utils.all_estimators = find_all
    return skops.io
