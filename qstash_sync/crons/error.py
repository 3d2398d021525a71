"""The one error of this room."""


class CronError(ValueError):
    """A cron or zone that is not understood, or a compilation that cannot be proven."""
