"""Figures: a table goes in, a plotly figure comes out. Nothing is computed or loaded here."""
