"""Every change to a plan: what may be done, in which order, what stops it, what is told. Pure."""
