"""What a command ends with."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with; all of them, and nowhere else."""

    DONE = 0
    ERROR = 1  # configuration, network, authentication, a disk that is full
    DIFFERENCES = 2  # `plan --detailed-exitcode`, `drift`
    REFUSED = 3  # by a guard or a limit, nothing written
    PARTIAL = 4  # failed, blocked, refused or unverified changes
    STALE = 5  # the saved plan no longer holds, nothing written
    USAGE = 64  # click's own 2 is taken
