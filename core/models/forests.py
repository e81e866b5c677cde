"""Probabilities of a forest in one pass over all its trees, equal to scikit-learn's to the last bit.

scikit-learn asks tree after tree through joblib. Each question is a call in Python, so one clip takes 10 ms, and a
server with many people waits for the interpreter. Any other model is asked as always.
"""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

_FORESTS = {
    ("sklearn.ensemble._forest", "ExtraTreesClassifier"),
    ("sklearn.ensemble._forest", "RandomForestClassifier"),
}
_Flat = tuple[NDArray[Any], ...]  # arguments of `forest_kernel.add_shares` between the rows and the output
# Forest -> its trees when they were made flat, and their flat arrays. A forest that is fitted again has new trees.
_known: "WeakKeyDictionary[Any, tuple[list[Any], _Flat]]" = WeakKeyDictionary()


def predict_proba(model: Any, X: Any) -> np.ndarray:
    """Return what ``model.predict_proba(X)`` returns.

    model : a classifier, or a pipeline. A forest, or a pipeline that ends with one, takes the short way.
    """
    if _kind(model) == ("sklearn.pipeline", "Pipeline") and _kind(model.steps[-1][1]) in _FORESTS:
        return predict_proba(model.steps[-1][1], model[:-1].transform(X) if len(model.steps) > 1 else X)
    rows = _rows(model, X) if _kind(model) in _FORESTS else None
    if rows is None:
        return np.asarray(model.predict_proba(X), dtype=float)
    from core.models.forest_kernel import add_shares  # importing the compiled kernel takes time

    out = np.zeros((len(rows), len(model.classes_)))
    roots, depths, child, feature, limit, share = _flat(model)
    add_shares(rows, roots, depths, child, feature, limit, share, out)
    out /= len(model.estimators_)
    return out


def _kind(model: Any) -> tuple[str, str]:
    return type(model).__module__, type(model).__name__


def _rows(forest: Any, X: Any) -> NDArray[np.float32] | None:
    """Return the rows as the trees compare them; None if scikit-learn has something to check, or to refuse."""
    plain = isinstance(X, np.ndarray) and X.ndim == 2 and not hasattr(forest, "feature_names_in_")
    if not plain or X.shape[1] != getattr(forest, "n_features_in_", None) or getattr(forest, "n_outputs_", 0) != 1:
        return None
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(X, dtype=np.float32)
    return rows if len(rows) and np.isfinite(rows).all() else None


def _flat(forest: Any) -> _Flat:
    """Return the arrays of `forest_kernel.add_shares`: all trees one after the other."""
    known = _known.get(forest)
    if known is not None and known[0] is forest.estimators_:
        return known[1]
    trees = [_in_pairs(tree.tree_) for tree in forest.estimators_]
    roots = np.concatenate([[0], np.cumsum([len(child) for _, child, *_ in trees])[:-1]]).astype(np.uint32)
    flat = (
        roots,
        np.array([depth for depth, *_ in trees], dtype=np.int64),
        np.concatenate([child + root for (_, child, *_), root in zip(trees, roots, strict=True)]).astype(np.uint32),
        np.concatenate([feature for _, _, feature, _, _ in trees]).astype(np.uint32),
        np.concatenate([limit for _, _, _, limit, _ in trees]),
        np.concatenate([share for _, _, _, _, share in trees]).astype(np.float64),
    )
    _known[forest] = forest.estimators_, flat
    return flat


def _in_pairs(tree: Any) -> tuple[int, NDArray[Any], NDArray[Any], NDArray[np.float32], NDArray[Any]]:
    """Return depth, child, feature, limit and share of a tree in a new order: the two children of a node side by side.

    scikit-learn compares a float32 value with a float64 limit. The value is not above the limit exactly if it is not
    above the largest float32 up to the limit.
    """
    left, right = tree.children_left, tree.children_right
    order = np.empty(tree.node_count, np.int64)  # new place -> place in the tree
    order[0], used = 0, 1
    child = np.arange(tree.node_count)
    for place in range(tree.node_count):
        node = order[place]
        if left[node] >= 0:
            order[used : used + 2] = left[node], right[node]
            child[place] = used
            used += 2
    leaf = left[order] < 0
    exact = tree.threshold[order]
    limit = exact.astype(np.float32)
    limit = np.where(limit > exact, np.nextafter(limit, np.float32(-np.inf)), limit)
    limit[leaf] = np.inf
    return tree.max_depth, child, np.where(leaf, 0, tree.feature[order]), limit, tree.value[order, 0, :]
