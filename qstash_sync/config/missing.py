"""What a variable of the environment stands for where it is not set."""

from enum import StrEnum


class Missing(StrEnum):
    """What becomes of variables that are not set.

                a secret               what `|plain` shows    where a default stands
    ERROR       told, and made up      told, and made up      the default
    MOCK        made up                made up                the default
    UNKNOWN     equal to anything      told, and made up      the default
    SET         equal to anything      told, and made up      equal to anything, if a secret
    ANY         any value, set here or not; so is a variable of the file that is not defined
    """

    ERROR = "error"
    MOCK = "mock"  # for `validate --mock-env`
    UNKNOWN = "unknown"  # for `plan --unknown-env`
    SET = "set"  # of a run in which each secret is set
    ANY = "any"  # of another environment, whose runs alone know the values

    @property
    def is_told(self) -> bool:
        """Whether it is an error where a value has to be made up."""
        return self is not Missing.MOCK

    @property
    def leaves_secrets_open(self) -> bool:
        """Whether a secret may be anything, so that none is made up."""
        return self in (Missing.UNKNOWN, Missing.SET)

    @property
    def takes_defaults(self) -> bool:
        """Whether a default stands in for a secret."""
        return self is not Missing.SET

    @property
    def is_anyones(self) -> bool:
        """Whether the values of this run are not the ones that are meant."""
        return self is Missing.ANY


OFFERED = (Missing.ERROR, Missing.UNKNOWN, Missing.MOCK)  # to who calls the library
