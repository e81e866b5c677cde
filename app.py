"""Entry point: page settings, navigation and the style of the charts."""

import streamlit as st

from core.settings import note_reach
from pages.shared import assets, limits, reach, unexpected

limits.install()
note_reach(by_others=reach.login_configured() or reach.reached_by_others())
st.set_page_config(page_title="Turkish Music Emotion", page_icon="pages/icon.png", layout="wide")
assets.style("charts")
unexpected.use_references()
reach.ask_nobody()

page = st.navigation(
    {
        "": [st.Page("pages/home.py", title="Home", icon=":material/home:", default=True)],
        "Clips": [
            st.Page("pages/predict.py", title="Predict", icon=":material/graphic_eq:"),
            st.Page("pages/tracks.py", title="Whole tracks", icon=":material/timeline:"),
        ],
        "Library": [
            st.Page("pages/library.py", title="Library", icon=":material/library_music:"),
            st.Page("pages/moods.py", title="Moods", icon=":material/mood:"),
            st.Page("pages/playlists.py", title="Playlists", icon=":material/queue_music:"),
        ],
        "Label": [
            st.Page("pages/label.py", title="Label", icon=":material/headphones:"),
            st.Page("pages/agreement.py", title="Agreement", icon=":material/handshake:"),
        ],
        "Models": [
            st.Page("pages/compare.py", title="Compare models", icon=":material/leaderboard:"),
            st.Page("pages/confusion.py", title="Confusion", icon=":material/grid_on:"),
            st.Page("pages/explain.py", title="Explain", icon=":material/psychology:"),
            st.Page("pages/decisions.py", title="Decisions", icon=":material/rule:"),
            st.Page("pages/learning.py", title="Learning", icon=":material/model_training:"),
        ],
        "Data": [st.Page("pages/explore.py", title="Explore", icon=":material/query_stats:")],
    }
)
reach.warn_if_open_to_all()
page.run()
