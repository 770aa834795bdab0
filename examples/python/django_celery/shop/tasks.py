"""What the workers do."""

from __future__ import annotations

from typing import Any

from celery import Task

from shop.celery import app
from shop.sms import messenger


@app.task(bind=True, max_retries=5)
def announce(self: Task, order: int, number: str) -> dict[str, Any]:
    """Tell a customer that the order is on its way."""
    # Not against two workers at the same moment: see the README.
    key = f"order-{order}:shipped"
    receipt = messenger.send(f"سفارش {order} در راه است.", number, key=key, deadline=30)[0]
    if receipt.error is not None and receipt.error.retry != "never":
        # With its key it is asked for before it is sent again.
        raise self.retry(countdown=60, exc=receipt.error)
    return {"outcome": receipt.outcome, "trace_id": str(receipt.trace_id)}
