"""What is reconciled, and what is said about it: values, no decisions."""
