"""A shop that tells its customers that their order is on its way."""

from shop.celery import app as celery_app

__all__ = ["celery_app"]
