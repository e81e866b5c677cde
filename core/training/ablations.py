"""Ablations: the champion with one thing changed, and the other algorithms on the champion's columns."""

from dataclasses import dataclass

from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.pipeline import Pipeline

from core.schema import FEATURES, GROUPS
from core.training.candidates import (
    ALGORITHMS,
    CHAMPION,
    LABELS,
    all_candidates,
    blend_members,
    prepared,
    with_probabilities,
)
from core.training.estimators import FRAGILE

PLAIN = "no_temperatures"
NOISE = 0.05  # relative error of every feature; each ablation is also tested under this error
MEMBER_LABELS = {
    "rda": "regularised discriminant",
    "lr": "logistic regression",
    "svm": "support vector machine",
    "et": "extra trees",
}


@dataclass(frozen=True)
class Ablation:
    """A candidate with one thing changed.

    Attributes
    ----------
    kind : the changed part: calibration, columns, steps, group, member or algorithm.
    base : name of the candidate or ablation to compare with.
    pipeline : not fitted.
    """

    name: str
    label: str
    kind: str
    base: str
    pipeline: Pipeline


def options(seed: int) -> dict[str, Ablation]:
    """All ablations by name.

    The first ablation averages the champion's members without temperatures. It needs a sixth of the fits and is the
    base of the other ablations.
    """
    plain = Ablation(PLAIN, "members averaged without temperatures", "calibration", CHAMPION, prepared(_mean(seed)))
    made = [plain, *_columns(seed), *_steps(seed), *_groups(seed), *_members(seed), *_algorithms(seed)]
    return {option.name: option for option in made}


def _mean(seed: int, *, without: str = "") -> VotingClassifier:
    """Soft vote of the champion's members; `without` names a member to leave out."""
    members = [(n, with_probabilities(m, seed=seed)) for n, m in blend_members(seed) if n != without]
    return VotingClassifier(members, voting="soft")


def _columns(seed: int) -> list[Ablation]:
    def option(name: str, label: str, **changes: object) -> Ablation:
        return Ablation(name, label, "columns", PLAIN, prepared(_mean(seed), **changes))  # type: ignore[arg-type]

    return [
        option("no_logs", "without logarithms", log=False),
        option("no_ratios", "without ratios", ratios=False),
        option("no_logs_no_ratios", "without logarithms and ratios", log=False, ratios=False),
        option("fragile_kept", "with the five fragile columns", drop=()),
        option("level_kept", "with the columns that depend on the level", level_free=False),
        option("fragile_kept_no_clip", "with the five fragile columns, z-scores not cut", drop=(), limit=None),
    ]


def _steps(seed: int) -> list[Ablation]:
    from imblearn.over_sampling import SMOTE

    def option(name: str, label: str, pipeline: Pipeline) -> Ablation:
        return Ablation(name, label, "steps", PLAIN, pipeline)

    def pca(n: int) -> Ablation:
        step = ("pca", PCA(n, random_state=seed))
        return option(f"pca_{n}", f"with PCA to {n} components", prepared(_mean(seed), extra=(step,)))

    select = ("select", SelectKBest(f_classif, k=20))
    smote = ("smote", SMOTE(random_state=seed))
    return [
        option("no_clip", "z-scores not cut at 3", prepared(_mean(seed), limit=None)),
        option("no_scaling", "without scaling", prepared(_mean(seed), scale=False)),
        option("smote", "with SMOTE", prepared(_mean(seed), extra=(smote,))),
        *(pca(n) for n in (20, 30, 40)),
        option("select_20", "with the best 20 columns (SelectKBest)", prepared(_mean(seed), extra=(select,))),
    ]


def _groups(seed: int) -> list[Ablation]:
    made = []
    for group in GROUPS:
        columns = tuple(f.column for f in FEATURES if f.group == group)
        drop = tuple(dict.fromkeys((*FRAGILE, *columns)))
        name = "without_" + group.replace(": ", "_").replace(" ", "_")
        made.append(Ablation(name, f"without {group}", "group", PLAIN, prepared(_mean(seed), drop=drop)))
    return made


def _members(seed: int) -> list[Ablation]:
    made = []
    for name, model in blend_members(seed):
        alone, label = with_probabilities(model, seed=seed), MEMBER_LABELS[name]
        made.append(Ablation(f"only_{name}", f"only the {label}", "member", PLAIN, prepared(alone)))
        others = prepared(_mean(seed, without=name))
        made.append(Ablation(f"without_{name}", f"without the {label}", "member", PLAIN, others))
    return made


def _algorithms(seed: int) -> list[Ablation]:
    """Each algorithm with default settings on the champion's columns, and two algorithms without scaling."""
    made = []
    for name, candidate in all_candidates(seed).items():
        if name in ALGORITHMS:
            model = candidate.pipeline.named_steps["model"]
            label = f"{LABELS[name]} on the champion's columns"
            made.append(Ablation(f"{name}_columns", label, "algorithm", name, prepared(model)))
        if name in ("svm_rbf", "knn"):
            plain = prepared(model, log=False, ratios=False, drop=(), level_free=False, scale=False)
            made.append(Ablation(f"{name}_no_scaling", f"{LABELS[name]} without scaling", "algorithm", name, plain))
    return made
