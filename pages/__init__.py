"""Pages of the dashboard: one short script each; what they show is in `views`, `shared` and `figures`."""
