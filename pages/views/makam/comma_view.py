"""The tab Commas: the comma profile with the theory beside it; and the tab Makam: three suggestions."""

from math import isnan

import pandas as pd
import streamlit as st

from core.errors import CoreError
from core.makam.commas import perde_name
from core.makam.profile import CommaProfile, comma_profile
from core.makam.theory import MAKAMS, SEYIR_IN_TURKISH, SOURCE, Makam, key_of
from core.wording import whole_percent
from pages.figures import makam as figures
from pages.shared import messages, show
from pages.views.makam.reading import Shown, ask_theory, in_words, likely, tag_in_words, templates

DEGREES = {
    "perde": "Perde",
    "theory": "In theory",
    "commas": "Measured",
    "deviation": "Deviation",
    "interval": "95 % interval",
    "cents": "Cents",
    "share": "Time",
    "n": "Notes",
}


def show_commas(shown: Shown) -> None:
    """Show how long the recording is on each comma, and the peaks with their deviation from the theory."""
    ask_theory(shown)
    profile = profile_of(shown)
    if profile is None:
        return
    degrees = theory_lines(shown.makam)
    key = show.file_name("comma-profile", data_hash=shown.recording.content)
    show.chart(
        figures.comma_profile(profile.table(), degrees),
        key=key,
        alt=f"Time on each of the 53 commas over the karar; {len(profile.degrees)} degrees stand out",
        data=profile.table().round({"cents": 1, "share": 4}),
    )
    if shown.makam:
        st.caption(f"Dashed lines: the scale of {messages.literal(shown.makam_in_words)} in theory. {SOURCE}")
    st.markdown("**Degrees of this recording**, in commas over the karar")
    table = degrees_table(profile)
    show.frame(
        table,
        hide_index=True,
        placeholder="",
        alt=f"{len(table)} degrees with their deviation from the theory in commas",
        column_config={
            "perde": st.column_config.TextColumn(DEGREES["perde"]),
            "theory": st.column_config.NumberColumn(DEGREES["theory"], format="%d"),
            "commas": st.column_config.NumberColumn(DEGREES["commas"], format="%.1f"),
            "deviation": st.column_config.NumberColumn(
                DEGREES["deviation"], format="%+.2f", help="Measured minus theory, in commas of 22.6 cents."
            ),
            "interval": st.column_config.TextColumn(
                DEGREES["interval"], help="Of the measured height. It needs at least five notes."
            ),
            "cents": st.column_config.NumberColumn(DEGREES["cents"], format="%.0f"),
            "share": st.column_config.TextColumn(DEGREES["share"], help="Share of the time of all steady notes."),
            "n": st.column_config.NumberColumn(DEGREES["n"], help="Number of steady notes."),
        },
    )
    show.download(pd.DataFrame([vars(d) for d in profile.degrees]), key.replace("profile", "degrees"))
    st.caption(
        "The Chroma features of other pages are something else: twelve tempered bins with A = 440 Hz, not relative to "
        "the karar."
    )


def profile_of(shown: Shown) -> CommaProfile | None:
    """Return the comma profile beside the chosen theory. Shows why there is none."""
    if shown.found.karar_hz is None:
        st.info("Without a karar there is no comma profile. Give one on the tab Karar.", icon=":material/music_off:")
        return None
    try:
        return comma_profile(shown.melody, shown.found.karar_hz, makam=shown.makam)
    except CoreError as error:
        messages.problem(error)
        return None


def theory_lines(makam: Makam | None) -> list[tuple[float, str]]:
    """Height and perde of each degree of a makam in theory."""
    return [] if makam is None else [(float(d), perde_name(d, makam.karar)) for d in makam.degrees]


def degrees_table(profile: CommaProfile) -> pd.DataFrame:
    """The degrees of a recording as a table for people."""
    rows = [
        (
            d.perde,
            None if isnan(d.theory) else d.theory,
            round(d.commas, 1) + 0.0,
            None if isnan(d.deviation) else round(d.deviation, 2) + 0.0,  # never "-0.0"
            "" if isnan(d.low) else f"{d.low:.1f} to {d.high:.1f}",
            round(d.cents) + 0,
            whole_percent(d.share),
            d.n,
        )
        for d in profile.degrees
    ]
    return pd.DataFrame(rows, columns=list(DEGREES))


def show_makam(shown: Shown) -> None:
    """Show three suggestions with their theory, and what they are based on."""
    st.info(
        "A suggestion is about a scale and its use, not the whole of a makam. Its çeşni, its seyir and the ear of a "
        "musician decide.",
        icon=":material/info:",
    )
    found = shown.found.suggestions
    st.markdown(messages.literal(in_words(found)))
    for number, suggestion in enumerate(likely(found)):
        makam = MAKAMS.get(key_of(suggestion.name))
        with st.container(border=True):
            st.markdown(
                f"**{number + 1}. {messages.literal(suggestion.name)}**, probability "
                f"{whole_percent(suggestion.probability)}, with a karar of {suggestion.karar_hz:.1f} Hz"
            )
            if makam is not None:
                st.markdown(_facts(makam))
                st.button(
                    "Compare with this scale",
                    key=f"makam_theory_{number}",
                    on_click=_compare_with,
                    args=(key_of(makam.name),),
                    type="tertiary",
                    icon=":material/straighten:",
                )
    if shown.tag:
        st.markdown(messages.literal(tag_in_words(shown.tag, found)))
    st.caption(messages.literal(f"The suggestions come from: {templates().learned_from}"))


def _compare_with(key: str) -> None:
    st.session_state["theory"] = key


def _facts(makam: Makam) -> str:
    steps = " ".join(str(step) for step in makam.steps)
    return (
        f"In theory: karar {makam.karar}, güçlü {', '.join(makam.guclu)}, steps {steps} commas, seyir "
        f"{SEYIR_IN_TURKISH[makam.seyir]}."
    )
