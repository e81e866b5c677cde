"""What the Makam page knows of a recording: its melody, its karar and its analysis; and the summary at the top."""

from dataclasses import dataclass

import streamlit as st

from core.errors import CoreError
from core.makam.analysis import Analysis, analyse
from core.makam.columns import ANALYSER
from core.makam.commas import note_name
from core.makam.karar import karar_caution
from core.makam.melody import REFERENCE_HZ, Melody
from core.makam.recognition import SCALE_ONLY, Suggestion, Suggestions
from core.makam.templates import Templates, templates_in_use
from core.makam.theory import MAKAMS, Makam, key_of
from core.settings import Settings
from core.source_note import SourceNote
from core.store import KararWord, Store, karar_word
from core.wording import whole_percent
from pages.shared import messages, show
from pages.views.makam import measuring
from pages.views.makam.choice import Recording

OWN_TRACK = "makam_track"  # session key: content of a recording, and the melody that a person corrected
_THEORY_OF = "theory_of"  # session key: content of the recording for which the theory was chosen
NO_THEORY = "No makam"


@dataclass(frozen=True, eq=False)
class Shown:
    """A recording on the page.

    word : the corrected karar, or None.  own_track : whether a person corrected the melody.
    makam : whose theory is shown beside the recording; None without one.
    """

    recording: Recording
    melody: Melody
    found: Analysis
    word: KararWord | None
    own_track: bool
    makam: Makam | None
    store: Store | None

    @property
    def zero_hz(self) -> float:
        """Where the commas are counted from: the karar in use; La = 440 Hz for a recording without one."""
        return self.found.karar_hz or REFERENCE_HZ

    @property
    def named_by(self) -> Makam | None:
        """The makam that names the perdes; None without a karar, because nobody then knows where they are."""
        return self.makam if self.found.karar_hz else None

    @property
    def tag(self) -> str:
        """The makam in the tags of a piece; empty without one."""
        return "" if self.recording.piece is None else str(self.recording.piece["makam"])

    @property
    def makam_in_words(self) -> str:
        """The makam whose theory is shown, and where it comes from: ``"Rast (suggested, 41 %)"``."""
        return "" if self.makam is None else self.marked(key_of(self.makam.name))

    def marked(self, key: str) -> str:
        """Name a makam of the theory. Brackets say whether the tags or the comparison of scales name it too."""
        marks = ["in the tags"] if self.tag and key == key_of(self.tag) else []
        marks += [
            f"suggested, {whole_percent(s.probability)}" for s in self.found.suggestions.three if key_of(s.name) == key
        ]
        return MAKAMS[key].name + (f" ({'; '.join(marks)})" if marks else "")

    @property
    def stem(self) -> str:
        """Part of the names of files: begin of the content's hash."""
        return self.recording.content[:8]


def templates() -> Templates:
    """The templates of the makams: learned here, or shipped."""
    return templates_in_use(Settings().data_dir)


@st.cache_data(show_spinner=False, max_entries=48)
def _analysis(content: str, analyser: str, track: int, karar_hz: float | None, _melody: Melody) -> Analysis:
    return analyse(_melody, templates(), karar_hz=karar_hz)


def melody_of(recording: Recording) -> Melody:
    """Return the melody of a recording: corrected by a person in this session, else measured."""
    own = st.session_state.get(OWN_TRACK)
    if own is not None and own[0] == recording.content:
        melody: Melody = own[1]
        return melody
    return measuring.melody_of(recording.content, recording.source)


def analysis_of(recording: Recording, store: Store | None) -> tuple[Melody, Analysis, KararWord | None]:
    """Return melody, analysis and corrected karar of a recording. Shows an error and stops if there is none."""
    own = st.session_state.get(OWN_TRACK)
    track = hash(own[1].cents.tobytes()) if own is not None and own[0] == recording.content else 0
    try:
        word = karar_word(store, recording.content) if store is not None else None
        melody, corrected = melody_of(recording), word.karar_hz if word else None
        found = _analysis(recording.content, templates().analyser, track, corrected, melody)
    except CoreError as error:
        messages.problem(error)
        st.stop()
    return melody, found, word


def read(recording: Recording, store: Store | None) -> Shown:
    """Measure a recording, and ask which makam's theory is shown beside it."""
    _forget_theory_of_others(recording.content)
    melody, found, word = analysis_of(recording, store)
    own = st.session_state.get(OWN_TRACK)
    show.set_source(
        SourceNote(
            table=recording.label,
            data=recording.source.digest,
            extractor=ANALYSER,
            rows="karar corrected by a person" if word else "",
        )
    )
    return Shown(
        recording,
        melody,
        found,
        word,
        own is not None and own[0] == recording.content,
        _theory(recording, found),
        store,
    )


def _forget_theory_of_others(content: str) -> None:
    """Forget the makam that a person chose for another recording."""
    if st.session_state.get(_THEORY_OF) != content:
        st.session_state.pop("theory", None)
        st.session_state[_THEORY_OF] = content


def _theory(recording: Recording, found: Analysis) -> Makam | None:
    """The makam of the page's select box: at first the tag of the piece, else the first suggestion."""
    tagged = "" if recording.piece is None else key_of(str(recording.piece["makam"]))
    first = key_of(found.suggestions.three[0].name) if found.suggestions.three else ""
    chosen = st.session_state.get("theory")
    key = chosen if chosen in MAKAMS or chosen == NO_THEORY else tagged if tagged in MAKAMS else first
    return MAKAMS.get(str(key))


def ask_theory(shown: Shown) -> None:
    """Show the select box of the makam whose theory is drawn."""
    options = [NO_THEORY, *MAKAMS]
    current = next((key for key, makam in MAKAMS.items() if makam is shown.makam), NO_THEORY)
    if st.session_state.get("theory") not in options:
        st.session_state["theory"] = current
    st.selectbox(
        "Theory to compare with",
        options,
        format_func=lambda key: shown.marked(key) if key in MAKAMS else key,
        key="theory",
        help="The scale of this makam is drawn beside the recording, and its theory names the perdes. It need not be "
        "the makam of the recording.",
    )


def summary(shown: Shown) -> None:
    """Show karar, suggestions and pulse in a few lines."""
    found = shown.found
    st.subheader(messages.literal(shown.recording.label))
    if found.karar_hz is None:
        st.info(
            "No karar was found: there is no steady melody in this recording. It may be silent, noise, speech, or "
            "percussion alone.",
            icon=":material/music_off:",
        )
        return
    left, right = st.columns(2)
    with left:
        if shown.word is not None:
            by = f", corrected by {shown.word.said_by}" if shown.word.said_by else ", corrected by a person"
            chance = ""
        else:
            by, chance = "", f", probability {whole_percent(found.candidates[0].probability)}"
        st.markdown(
            f"**Karar** {found.karar_hz:.1f} Hz ({note_name(found.karar_hz)}){messages.literal(by)}{chance}",
            help="The karar (tonic) is the note on which a piece ends and finds its rest. Turkish: karar, durak.",
        )
        if shown.word is None and (caution := karar_caution(shown.melody)):
            st.caption(f":material/warning: {messages.literal(caution)}")
    with right:
        three = found.suggestions.three
        if not three:
            st.markdown("**Makam** no suggestion")
            st.caption(messages.literal(found.suggestions.reason))
        else:
            names = " · ".join(f"{s.name} {whole_percent(s.probability)}" for s in likely(found.suggestions))
            st.markdown(f"**Suggested makams** {messages.literal(names)}", help=SCALE_ONLY)
            st.caption(messages.literal(in_words(found.suggestions)))
        if shown.tag:
            st.caption(messages.literal(tag_in_words(shown.tag, found.suggestions)))
    _pulse(shown)
    if shown.own_track:
        st.info("The melody is the track that you brought. It stays until you close this page.", icon=":material/edit:")


def _pulse(shown: Shown) -> None:
    try:
        pulse = measuring.pulse(shown.recording.content, shown.recording.source).in_words
    except CoreError as error:
        pulse = messages.literal(str(error))
    st.markdown(
        f"**Pulse** {pulse}",
        help="The beats that people clap to, measured in the middle minute. A unit is the shortest regular step. "
        "Turkish: nabız, vuruş.",
    )


def likely(suggestions: Suggestions) -> tuple[Suggestion, ...]:
    """Return the suggestions that do not read as 0 %."""
    return tuple(s for s in suggestions.three if whole_percent(s.probability) != whole_percent(0))


def in_words(suggestions: Suggestions) -> str:
    """Say what the suggestions are worth, to be read beside their probabilities."""
    return suggestions.reason.removesuffix(SCALE_ONLY).strip()


def tag_in_words(tag: str, suggestions: Suggestions) -> str:
    """Say which makam the tags name, and whether the first suggestion is the same."""
    said = f"Makam in the tags: {tag}."
    if not suggestions.three:
        return said
    same = key_of(suggestions.three[0].name) == key_of(tag)
    return f"{said} The first suggestion is {'the same' if same else 'another one'}."
