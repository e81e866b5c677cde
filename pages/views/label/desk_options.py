"""The options of the Label page, its keys and the labelling guide."""

import streamlit as st

from pages.shared import assets
from pages.views.label.keys import GUIDE, KEYS_HELP


def show_options() -> None:
    """Show the options of the queue and of the player, the keys and the labelling guide."""
    assets.style("label")
    with st.popover("Options", icon=":material/tune:", key="options"):
        st.toggle("Play each clip automatically", value=True, key="autoplay", bind="query-params")
        st.toggle("Repeat the clip", value=False, key="loop", bind="query-params")
        st.toggle("Spectrogram", value=False, key="spectrogram", bind="query-params")
        st.toggle(
            "Sad or relax first",
            key="sad_or_relax",
            bind="query-params",
            help="Clips between sad and relax come before other clips, from the next clip on. The model confuses "
            "these two most often. Clips on which a challenger differs still come before them. The order of a task "
            "does not change.",
        )
        st.toggle(
            "Guesses of the model",
            value=False,
            key="guesses",
            bind="query-params",
            help="A guess can influence you, so it is hidden until you ask for it. For some clips, chosen at random, "
            "it stays hidden, so that its influence on people can be measured.",
        )
        st.caption(
            "The space bar starts and stops the music. Browsers play automatically only after your first key press "
            "or click."
        )
    with st.popover("Keys", icon=":material/keyboard:", key="keys_help"):
        st.markdown(KEYS_HELP)
    with st.popover("Guide", icon=":material/help:", key="guide"):
        st.markdown(GUIDE)
