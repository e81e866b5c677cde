"""Columns about karar and makam in the tables of a library."""

from collections.abc import Iterable

import pandas as pd

from core.makam.commas import karar_height, note_name

ANALYSER = "tme-makam 1.2.0"  # change it whenever a value changes; names of stored results begin with it
COMMA_FEATURES = {  # column -> heading and meaning
    "range_commas": ("Range (commas)", "Distance between the lowest and the highest twentieth of the melody."),
    "drift_commas": (
        "Drift (commas)",
        "Change of the tuning from the first half of the recording to the second. Positive: the melody rises.",
    ),
    "karar_share": ("Time on the karar", "Share of the melody within one comma of the karar, in any octave."),
    "evenness": (
        "Evenness of the commas",
        "1: the melody is on all 53 commas equally long. Low: it stays on a few of them.",
    ),
}
TEXTS = ("karar", "karar_height", "karar_from", "makam_suggested")
NUMBERS = ("karar_hz", "karar_probability", "makam_probability", *COMMA_FEATURES)
MAKAM_COLUMNS = {  # column -> heading and meaning
    "karar": ("Karar", "The tonic as a note with its deviation in cents, A = 440 Hz. Empty where it is unsure."),
    "karar_height": (
        "Karar height",
        "The nearest tempered note of the karar, without its octave. Empty where it is unsure.",
    ),
    "karar_hz": ("Karar (Hz)", "The tonic in Hz. A karar that a person corrected comes first."),
    "karar_from": (
        "Karar from",
        "Person: corrected by a person. Measured: by the program. Unsure: measured, but less than half sure.",
    ),
    "karar_probability": ("Sureness of the karar", "Probability of the measured karar; 1 for a corrected one."),
    "makam_suggested": (
        "Suggested makam",
        "A makam whose scale and use fit much better than the others. It is a suggestion, not a fact.",
    ),
    "makam_probability": ("Sureness of the makam", "Probability of the first suggestion."),
    **COMMA_FEATURES,
}
SURE = 0.5  # probability of a measured karar from which on tables name it
CLEAR = "clear"  # kind of a suggestion that is shown in tables, see core.makam.recognition


def makam_columns(results: pd.DataFrame, contents: Iterable[str]) -> pd.DataFrame:
    """Return the columns for some contents, one row for each, in their order; empty where nothing was measured.

    results : from ``store.makam_table``.  A makam is only named where the suggestion is clear, and
    a karar where it is more likely right than wrong, or where a person said it.
    """
    found = results.reindex(list(contents))
    hz, probability = found["karar_hz"].astype(float), found["karar_probability"].astype(float)
    named = hz.where(probability >= SURE)
    origin = found["karar_from"].astype(object).fillna("")  # object: a column of missing texts is of numbers
    return pd.DataFrame(
        {
            "karar": [note_name(value) if value > 0 else "" for value in named],
            "karar_height": [karar_height(value) if value > 0 else "" for value in named],
            "karar_hz": hz,
            "karar_from": origin.mask(origin.ne("") & ~(probability >= SURE), "unsure"),
            "karar_probability": probability,
            "makam_suggested": found["makam"].where(found["makam_kind"].eq(CLEAR), "").fillna(""),
            "makam_probability": found["makam_probability"].astype(float),
            **{name: found[name].astype(float) for name in COMMA_FEATURES},
        },
        index=found.index,
    )[list(MAKAM_COLUMNS)]
