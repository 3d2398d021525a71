"""Views: one value in, one whole page out."""
