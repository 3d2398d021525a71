"""Health of a set-up: the account, its keys and quotas, the clock, and who is called."""
