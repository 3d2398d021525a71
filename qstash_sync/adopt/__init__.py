"""From an account to a file: pure; what is read of the account in, the text of a file out."""
