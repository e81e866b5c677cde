"""Parts of the Use page."""
