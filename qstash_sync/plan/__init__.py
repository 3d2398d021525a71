"""Desired and live to a plan: what differs, whose doing it is, and what may be done. Pure."""
