"""The words of makam music and of the 50 features, each with a sentence and a sound."""

import streamlit as st

from core.audio import encoding, examples
from core.makam.terms import TERMS, Term, example
from core.musical_words import words_of
from core.schema import FEATURES, Feature, readable
from core.turkish import fold
from pages.shared import messages

MAKAM, FEATURE = "Makam music", "The 50 features"


@st.cache_data(show_spinner=False, max_entries=64)
def _term_sound(turkish: str, _term: Term) -> bytes:
    return encoding.wav(example(_term))


@st.cache_data(show_spinner=False, max_entries=64)
def _feature_sounds(column: str) -> tuple[bytes, bytes]:
    low, high = examples.example_pair(column)
    return encoding.wav(low), encoding.wav(high)


def show_words() -> None:
    """Show the words; the sound of a word is made when it is opened."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    kind = left.segmented_control(
        "Words of", [MAKAM, FEATURE], default=MAKAM, required=True, key="words_of", bind="query-params"
    )
    wanted = fold(right.text_input("Find a word", key="find_word", placeholder="English or Turkish"))
    if kind == MAKAM:
        terms = [t for t in TERMS if wanted in fold(f"{t.english} {t.turkish} {t.sentence}")]
        for term in terms:
            _term(term)
    else:
        features = [f for f in FEATURES if wanted in fold(f"{f.name} {words_of(f).turkish} {f.meaning}")]
        for feature in features:
            _feature(feature)
    if not (terms if kind == MAKAM else features):
        st.info("No word contains this text.", icon=":material/search_off:")


def _term(term: Term) -> None:
    name = f"**{messages.literal(term.turkish)}** ({term.english})"
    part = st.expander(name, key=f"word_{term.english}", on_change="rerun")
    with part:
        st.markdown(term.sentence)
        if part.open:
            st.caption(f"You hear: {term.heard}")
            st.audio(_term_sound(term.turkish, term), format="audio/wav", alt=f"Example of {term.english}")


def _feature(feature: Feature) -> None:
    words = words_of(feature)
    name = f"**{messages.literal(readable(feature.column))}** ({messages.literal(words.turkish)})"
    part = st.expander(name, key=f"word_{feature.column}", on_change="rerun")
    with part:
        st.markdown(messages.literal(feature.meaning))
        if part.open:
            low, high = _feature_sounds(feature.column)
            left, right = st.columns(2)
            for column, sound, which, heard in ((left, low, "Low", words.low), (right, high, "High", words.high)):
                column.caption(f"{which}: {heard}")
                column.audio(sound, format="audio/wav", alt=f"{feature.name}: {which.lower()} value")
