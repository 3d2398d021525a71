"""A plan carried out: use cases, executor, windows, preconditions, verification."""
