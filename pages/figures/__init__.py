"""Functions that draw a table as a plotly figure. They compute and load nothing."""
