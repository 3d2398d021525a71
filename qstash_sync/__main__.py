"""`python -m qstash_sync`."""

from qstash_sync.cli.main import main

main()
