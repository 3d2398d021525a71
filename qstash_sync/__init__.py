"""Infrastructure as config for Upstash QStash: declare in YAML, plan, apply, watch for drift."""

__version__ = "0.1.0"
