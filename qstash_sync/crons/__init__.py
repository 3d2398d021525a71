"""Local crons to UTC crons, proven: grammar, firings, compilation. Imports nothing of ours."""
