"""Lint: what of a right file is asking for trouble; the table of it is `model/lint.py`. Pure."""
