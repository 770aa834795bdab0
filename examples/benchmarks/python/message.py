"""What every subject sends, and how its answer is checked."""

from __future__ import annotations

import itertools

TEXT = "کد ورود شما: 48213"
TO = "09121112222"
SENDER = "30004040"
KEY = "benchmark-key"

#: Trace ids that were not used before in this process.
trace_ids = itertools.count(1).__next__


def require(message_id: object) -> None:
    """Refuse an answer without a message id: nobody is measured on the way of an error."""
    if not isinstance(message_id, (int, str)) or not int(message_id):
        raise ValueError(f"no message id: {message_id!r}")
