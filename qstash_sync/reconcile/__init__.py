"""Desired and live to every change: what differs, by how much, and whose doing it is. Pure."""
