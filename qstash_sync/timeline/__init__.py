"""What declared schedules do in time: coming firings, their load, and why one came or did not."""
