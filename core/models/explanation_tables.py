"""Tables and sentences that explain predictions: SHAP contributions, percentile ranks and distributions of features."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from core.models.reference import ALL, LEVELS, Reference, percentile_ranks
from core.schema import BY_COLUMN, EMOTIONS, FEATURES, LABEL, FeatureVector
from core.wording import signed_points, whole_percent

TOP = 8  # contributions shown one by one; the others are summed
BARS = 16  # bars of a small histogram
_HARMONY = "_HarmonicChangeDetectionFunction_"

# feature -> (how a clip with a higher value sounds, how a clip with a lower value sounds)
_WORDS = {
    "_RMSenergy_Mean": ("louder for its roughness", "quieter for its roughness"),
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
    """Steps from the average probability to the probability of this clip: the strongest features, then all others.

    Parameters
    ----------
    explanation : from ``explain_clip`` or ``stored_explanation``: emotion, feature, shap, base, optionally value.
    emotion : the explained emotion.
    top : number of features listed one by one.

    Returns
    -------
    The base value, and a table with columns feature ("" for all others), name, shown (value with unit), shap. The base
    value and all ``shap`` values add up to the base model's probability.
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
    """Value with three digits and its unit, such as ``"112 bpm"``; "not measurable" for NaN."""
    if np.isnan(value):
        return "not measurable"
    unit = BY_COLUMN[column].unit
    # Values from 1000 to a million are written in full, without an exponent.
    digits = f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return digits if unit in ("1", "ratio") else f"{digits} {unit}"


def steps_in_words(steps_table: pd.DataFrame) -> str:
    """Return the steps for a reader who does not see the chart: "RMS energy +3 points, ...".

    steps_table : from ``steps``.
    """
    pairs = zip(steps_table["name"], steps_table["shap"], strict=True)
    return ", ".join(f"{name} {signed_points(shap)} points" for name, shap in pairs)


def sentences(steps_table: pd.DataFrame, places: pd.DataFrame, emotion: str, *, count: int = 4) -> list[str]:
    """Sentences about the strongest contributions in a musician's words: "The clip is rougher than 92 % of ...".

    Parameters
    ----------
    steps_table : from ``steps``.
    places : percentile ranks, from ``core.models.reference.percentile_ranks``.
    count : number of sentences.
    """
    share = dict(zip(places["feature"], places[emotion].astype(float), strict=True))
    single = steps_table[steps_table["feature"] != ""].head(count)
    result = []
    for column, shap in zip(single["feature"].tolist(), single["shap"].tolist(), strict=True):
        verb = "raises" if shap > 0 else "lowers"
        effect = f"this {verb} the probability of {emotion} by {abs(100 * shap):.0f} points"
        result.append(f"{_compared(column, share[column], emotion)}: {effect}.")
    return result


def _compared(column: str, share: float, emotion: str) -> str:
    """Comparison with the training clips of the emotion, in words; share : percentage of them with a lower value."""
    name = BY_COLUMN[column].name
    if np.isnan(share):
        return f"{name} could not be measured, and a typical value was used instead"
    more, less = _WORDS.get(column, (f"higher in {name}", f"lower in {name}"))
    # From a third to two thirds the clip is in the middle, and "more than" would mislead.
    if 33 <= share <= 67:
        return f"The clip is like the usual {emotion} clip in {name}"
    word = more if share > 50 else less
    rank = share if share > 50 else 100 - share
    if rank >= 99:  # the quantiles do not support 100 %
        return f"The clip is {word} than almost all {emotion} clips"
    return f"The clip is {word} than {whole_percent(rank / 100)} of the {emotion} clips"


def feature_table(vector: FeatureVector, reference: Reference) -> pd.DataFrame:
    """The 50 features of a clip by group, with their percentile ranks in the training music.

    Returns group, feature, name, value, unit, all, angry, happy, relax, sad (percentage of these clips with a lower
    value) and distribution (list: share of the training music in each of ``BARS`` equal bins from the 5 % to the 95 %
    quantile).
    """
    table = percentile_ranks(vector, reference)
    table.insert(0, "group", [f.group for f in FEATURES])
    table.insert(2, "name", [f.name for f in FEATURES])
    table.insert(4, "unit", ["" if f.unit == "1" else f.unit for f in FEATURES])
    table["distribution"] = pd.Series([_histogram(q) for q in reference.quantiles[ALL]], dtype=object)
    return table


def _histogram(quantiles: np.ndarray) -> list[float]:
    """Histogram of the training music, computed from the stored quantiles."""
    if np.isnan(quantiles).any() or quantiles[-1] <= quantiles[0]:
        return [0.0] * BARS
    low, high = np.interp([0.05, 0.95], LEVELS, quantiles)
    # Equal quantiles are made slightly different, because interpolation needs increasing values.
    rising = quantiles + np.linspace(0, 1e-9, len(quantiles)) * (quantiles[-1] - quantiles[0])
    shares = np.diff(np.interp(np.linspace(low, high, BARS + 1), rising, LEVELS))
    return [round(float(s), 4) for s in shares]


def quantile_curves(reference: Reference, column: str, *, emotions: Sequence[str] = EMOTIONS) -> pd.DataFrame:
    """Quantiles of a feature for each emotion: emotion, q (in [0, 1]), value."""
    at = [f.column for f in FEATURES].index(column)
    return pd.concat(
        [pd.DataFrame({"emotion": e, "q": LEVELS, "value": reference.quantiles[e][at]}) for e in emotions],
        ignore_index=True,
    )


def beeswarm(shap: pd.DataFrame, emotion: str, *, values: pd.DataFrame | None, top: int = 12) -> pd.DataFrame:
    """Points of a beeswarm plot for the features with the largest SHAP values, strongest first.

    Parameters
    ----------
    shap : from ``core.models.explanation.read_shap``.
    values : the training table (index = row) for the colours, or None.
    top : number of features.

    Returns
    -------
    Columns row, feature, shap, offset (vertical, in [-0.4, 0.4]) and place (rank of the feature's value among the
    clips, in [0, 1]; NaN without the table).
    """
    own = shap[shap["emotion"] == emotion]
    strength = own["shap"].abs().groupby(own["feature"], observed=True).mean().sort_values(ascending=False)
    parts = []
    for column in strength.index[:top]:
        part = own.loc[own["feature"] == column, ["row", "feature", "shap"]].astype({"feature": str})
        rank = np.nan if values is None else values[column].rank(pct=True).reindex(part["row"]).to_numpy()
        parts.append(part.assign(offset=_offsets(part["shap"].to_numpy()), place=rank))
    return pd.concat(parts, ignore_index=True)


def _offsets(x: np.ndarray, *, bins: int = 60) -> np.ndarray:
    """Vertical offsets that separate points of similar value, from the middle outwards."""
    if np.ptp(x) == 0:
        return np.zeros(len(x))
    slot = np.minimum(((x - x.min()) / np.ptp(x) * bins).astype(int), bins - 1)
    nth = pd.Series(slot).groupby(slot).cumcount().to_numpy()
    pile = np.ceil(nth / 2) * np.where(nth % 2, 1, -1)
    return pile / max(np.abs(pile).max(), 8) * 0.4


def dependence(shap: pd.DataFrame, emotion: str, column: str, *, table: pd.DataFrame) -> pd.DataFrame:
    """Points of a dependence plot, SHAP value against feature value: row, value, shap, label (the clip's emotion)."""
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


def stored_explanation(shap: pd.DataFrame, row: int, *, values: pd.Series | None) -> pd.DataFrame:
    """Stored SHAP values of one clip in the format of ``steps``; the base value is 0 if none is stored.

    values : the clip's row of the training table; with None the result has no column value.
    """
    part = shap[shap["row"] == row].astype({"emotion": str, "feature": str})
    part = part if "base" in part else part.assign(base=0.0)
    table = part[["emotion", "feature", "shap", "base"]].astype({"shap": float, "base": float}).reset_index(drop=True)
    if values is not None:
        table.insert(2, "value", values.loc[table["feature"]].to_numpy(dtype=float))
    return table
