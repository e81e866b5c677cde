"""Label and Agreement."""
