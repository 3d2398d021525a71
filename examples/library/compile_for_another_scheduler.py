"""Nine in New York, for a scheduler that knows UTC crons alone, such as GitHub Actions.

python examples/library/compile_for_another_scheduler.py
"""

from datetime import UTC, datetime

from qstash_sync import compile_cron

made = compile_cron("0 9 * * 1-5", "America/New_York", now=datetime(2026, 11, 22, tzinfo=UTC))

print("on:\n  schedule:")
for cron in made.crons:
    print(f'    - cron: "{cron}"')
print(f"# exact until {made.valid_until:%Y-%m-%d}: compile again from {made.renew_at:%Y-%m-%d} on")
