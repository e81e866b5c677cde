"""Parts of the Makam page."""
