"""``python manage.py announce ORDER NUMBER``: hands a message to the workers."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from shop.tasks import announce


class Command(BaseCommand):
    """Tells a customer that an order is on its way."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the order and the number."""
        parser.add_argument("order", type=int)
        parser.add_argument("number")

    def handle(self, *_: Any, order: int, number: str, **__: Any) -> None:
        """Queue the task and wait for its end."""
        result = announce.delay(order, number).get(timeout=60)
        self.stdout.write(f"{result['outcome']} {result['trace_id']}")
