"""Every page in two widths, light and dark, looked at by axe-core: nothing that is ours may be wrong.

The navigation, the header and the widgets themselves are Streamlit's; their places are left out.
"""

import pytest
from axe_playwright_python.sync_playwright import Axe

PAGES = (
    *("home", "predict", "tracks", "library", "moods", "playlists", "label", "agreement"),
    *("compare", "confusion", "explain", "decisions", "learning", "explore"),
)
