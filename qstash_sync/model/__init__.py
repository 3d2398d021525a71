"""What is reconciled, and what is said about it: frozen values, no decisions."""
