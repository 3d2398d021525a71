"""Infrastructure as config for Upstash QStash: declare in YAML, plan, apply, watch for drift.

As a library: `compile_cron`, `load`, `connect`, `embedded`, `plan`, `apply`; see `library`.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qstash_sync.library import apply, compile_cron, connect, embedded, load, plan

__version__ = "0.1.0"
__all__ = ["apply", "compile_cron", "connect", "embedded", "load", "plan"]


def __getattr__(name: str) -> Any:
    """Import the library when something of it is asked for: `--help` has no use for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from qstash_sync import library  # noqa: PLC0415 heavy, and `--help` has no use for it

    return getattr(library, name)
