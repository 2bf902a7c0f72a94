"""Cron expressions: what they mean, when they are due, what is wrong with them.

Grammar: queue-cron-dev.md §2.1; the numbering of weekdays: interface.md §8.
"""

from .checks import check
from .expression import Cron, parse

__all__ = ["Cron", "check", "parse"]
