"""One clip's numbers as tables and words for people: why the model says what it says, and where each value stands."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.models.reference import ALL, LEVELS, Reference, place
from core.schema import BY_COLUMN, EMOTIONS, FEATURES, LABEL, FeatureVector
from core.wording import whole_percent

TOP = 8  # contributions that are shown one by one; the others are summed
BARS = 16  # of a small distribution
_HARMONY = "_HarmonicChangeDetectionFunction_"

# (a clip with a higher value is ..., with a lower value is ...)
_WORDS = {
    "_RMSenergy_Mean": ("louder", "quieter"),
    "_Lowenergy_Mean": ("more uneven in loudness", "more even in loudness"),
    "_Fluctuation_Mean": ("stronger in its rhythmic pulsing", "weaker in its rhythmic pulsing"),
    "_Tempo_Mean": ("faster", "slower"),
    "_Roughness_Mean": ("rougher", "smoother"),
    "_Zero-crossingrate_Mean": ("noisier and brighter", "less noisy"),
    "_AttackTime_Mean": ("softer in its attacks", "sharper in its attacks"),
    "_Rolloff_Mean": ("richer in high overtones", "poorer in high overtones"),
    "_Eventdensity_Mean": ("busier, with more notes a second,", "sparser, with fewer notes a second,"),
    "_Pulseclarity_Mean": ("clearer in its beat", "freer in its beat"),
    "_Brightness_Mean": ("brighter", "darker"),
    "_Spectralcentroid_Mean": ("higher in its spectrum", "lower in its spectrum"),
    "_Spectralspread_Mean": ("wider in its spectrum", "narrower in its spectrum"),
    "_Spectralflatness_Mean": ("more noise-like", "more tone-like"),
    "_EntropyofSpectrum_Mean": ("denser in its spectrum", "purer in its spectrum"),
    "_MFCC_Mean_1": ("heavier in the low bands", "lighter in the low bands"),
    _HARMONY + "Mean": ("faster in its harmonic changes", "steadier in its harmony"),
    _HARMONY + "Std": ("more varied in its harmonic changes", "more even in its harmonic changes"),
}


def steps(explanation: pd.DataFrame, emotion: str, *, top: int = TOP) -> tuple[float, pd.DataFrame]:
    """The way from the average probability to this clip's: the strongest features, then the rest as one.

    explanation : from ``explain_clip`` or ``of_row``: emotion, feature, shap, base, and value where it is known.
    Returns the base and columns feature ("" for the rest), name, shown (value with unit), shap; base and shap add up
    to the base model's probability.
    """
    own = explanation[explanation["emotion"] == emotion]
    own = own.loc[own["shap"].abs().sort_values(ascending=False, kind="stable").index]
    if "value" in own:
        shown = [with_unit(c, v) for c, v in zip(own["feature"], own["value"], strict=True)]
    else:
        shown = [""] * len(own)
    first, rest = own.iloc[:top], own.iloc[top:]
    table = pd.DataFrame(
        {
            "feature": first["feature"].astype(str).to_numpy(),
            "name": [BY_COLUMN[c].name for c in first["feature"]],
            "shown": shown[:top],
            "shap": first["shap"].to_numpy(dtype=float),
        }
    )
    if len(rest):
        others = {"feature": "", "name": f"{len(rest)} other features", "shown": "", "shap": float(rest["shap"].sum())}
        table = pd.concat([table, pd.DataFrame([others])], ignore_index=True)
    return float(own["base"].iloc[0]), table


def with_unit(column: str, value: float) -> str:
    """A value to three digits with its unit: ``"112 bpm"``; "not measurable" for NaN."""
    if np.isnan(value):
        return "not measurable"
    unit = BY_COLUMN[column].unit
    # Four digits before the point are an amount, not an exponent.
    digits = f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return digits if unit in ("1", "ratio") else f"{digits} {unit}"


def sentences(steps_table: pd.DataFrame, places: pd.DataFrame, emotion: str, *, count: int = 4) -> list[str]:
    """What moved the probability most, in a musician's words: "Rougher than 92 % of the angry clips: speaks for ...".

    steps_table : from ``steps``.  places : from ``core.models.reference.place``.
    """
    share = dict(zip(places["feature"], places[emotion].astype(float), strict=True))
    single = steps_table[steps_table["feature"] != ""].head(count)
    said = []
    for column, shap in zip(single["feature"].tolist(), single["shap"].tolist(), strict=True):
        side = f"speaks {'for' if shap > 0 else 'against'} {emotion} ({100 * shap:+.0f} points)"
        said.append(f"{_compared(column, share[column], emotion)}: {side}.")
    return said


def _compared(column: str, share: float, emotion: str) -> str:
    """The clip beside the emotion's own clips, in words; share : percentage of them with a lower value."""
    name = BY_COLUMN[column].name
    if np.isnan(share):
        return f"{name} could not be measured, and a typical value stood in"
    more, less = _WORDS.get(column, (f"higher in {name}", f"lower in {name}"))
    # Between a third and two thirds, "more than" says nothing: the clip is in the middle.
    if 33 <= share <= 67:
        return f"Like the usual {emotion} clip in {name}"
    word = more if share > 50 else less
    rank = min(max(share if share > 50 else 100 - share, 1), 99)  # no clip is beyond all others for certain
    return f"{word[0].upper()}{word[1:]} than {whole_percent(rank / 100)} of the {emotion} clips"


def feature_table(vector: FeatureVector, reference: Reference) -> pd.DataFrame:
    """The 50 values by chapter, each with its place among the training music.

    Returns group, feature, name, value, unit, all, angry, happy, relax, sad (percentage of these clips with a lower
    value) and distribution (list: share of the training music in each of ``BARS`` equal stretches from its 5 % to its
    95 % quantile).
    """
    table = place(vector, reference)
    table.insert(0, "group", [f.group for f in FEATURES])
    table.insert(2, "name", [f.name for f in FEATURES])
    table.insert(4, "unit", ["" if f.unit == "1" else f.unit for f in FEATURES])
    table["distribution"] = pd.Series([_histogram(q) for q in reference.quantiles[ALL]], dtype=object)
    return table


def _histogram(quantiles: np.ndarray) -> list[float]:
    """Shares between equally spaced values, from the inverse of the stored quantiles."""
    if np.isnan(quantiles).any() or quantiles[-1] <= quantiles[0]:
        return [0.0] * BARS
    low, high = np.interp([0.05, 0.95], LEVELS, quantiles)
    # Equal quantiles are a jump of the distribution: a hair apart, they can be inverted.
    rising = quantiles + np.linspace(0, 1e-9, len(quantiles)) * (quantiles[-1] - quantiles[0])
    shares = np.diff(np.interp(np.linspace(low, high, BARS + 1), rising, LEVELS))
    return [round(float(s), 4) for s in shares]


def curves(reference: Reference, column: str, *, emotions: Sequence[str] = EMOTIONS) -> pd.DataFrame:
    """Stored quantiles of a feature for each emotion: emotion, q (in [0, 1]), value."""
    at = [f.column for f in FEATURES].index(column)
    return pd.concat(
        [pd.DataFrame({"emotion": e, "q": LEVELS, "value": reference.quantiles[e][at]}) for e in emotions],
        ignore_index=True,
    )


def swarm(shap: pd.DataFrame, emotion: str, *, values: pd.DataFrame | None, top: int = 12) -> pd.DataFrame:
    """Dots of a beeswarm for the features that move an emotion most, the strongest first.

    shap : from ``core.models.explanation.read_shap``.  values : the training table (index = row), for the colours;
    or None.
    Returns row, feature, shap, offset (vertical, within +-0.4 of the feature's line) and place (rank of the feature's
    value among the clips, in [0, 1]; NaN without the table).
    """
    own = shap[shap["emotion"] == emotion]
    strength = own["shap"].abs().groupby(own["feature"], observed=True).mean().sort_values(ascending=False)
    parts = []
    for column in strength.index[:top]:
        part = own.loc[own["feature"] == column, ["row", "feature", "shap"]].astype({"feature": str})
        place = np.nan if values is None else values[column].rank(pct=True).reindex(part["row"]).to_numpy()
        parts.append(part.assign(offset=_offsets(part["shap"].to_numpy()), place=place))
    return pd.concat(parts, ignore_index=True)


def _offsets(x: np.ndarray, *, bins: int = 60) -> np.ndarray:
    """Vertical places that keep dots of about the same value apart: they pile up from the middle outwards."""
    if np.ptp(x) == 0:
        return np.zeros(len(x))
    slot = np.minimum(((x - x.min()) / np.ptp(x) * bins).astype(int), bins - 1)
    nth = pd.Series(slot).groupby(slot).cumcount().to_numpy()
    pile = np.ceil(nth / 2) * np.where(nth % 2, 1, -1)
    return pile / max(np.abs(pile).max(), 8) * 0.4


def dependence(shap: pd.DataFrame, emotion: str, column: str, *, table: pd.DataFrame) -> pd.DataFrame:
    """What each value of a feature did to an emotion's probability: row, value, shap, label (the clip's emotion)."""
    part = shap[(shap["emotion"] == emotion) & (shap["feature"] == column)]
    rows = part["row"].to_numpy()
    known = table.loc[rows]
    return pd.DataFrame(
        {
            "row": rows,
            "value": known[column].to_numpy(),
            "shap": part["shap"].to_numpy(dtype=float),
            "label": known[LABEL].to_numpy(),
        }
    )


def of_row(shap: pd.DataFrame, row: int, *, values: pd.Series | None) -> pd.DataFrame:
    """The stored contributions of one clip in the form that ``steps`` takes; steps start from 0.

    values : the clip's row of the training table; None where it is not at hand, and then there is no column value.
    """
    part = shap[shap["row"] == row].astype({"emotion": str, "feature": str})
    table = part[["emotion", "feature", "shap"]].astype({"shap": float}).reset_index(drop=True).assign(base=0.0)
    if values is not None:
        table.insert(2, "value", values.loc[table["feature"]].to_numpy(dtype=float))
    return table
