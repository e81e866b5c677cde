"""Pages of the dashboard, one short script each. `views` holds the parts of the pages, `figures` their charts."""
