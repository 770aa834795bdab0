"""The Celery application: a broker in a folder, so that the example needs no server."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")

folder = Path(os.environ.get("SHOP_QUEUE", tempfile.gettempdir())) / "payamak-shop"
for name in ("queue", "control", "results"):
    (folder / name).mkdir(parents=True, exist_ok=True)

app = Celery(
    "shop",
    broker="filesystem://",
    backend=(folder / "results").as_uri(),
    include=["shop.tasks"],
)
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
    },
    # A worker that dies in the middle gives its task back; by its key the message is asked for before it is sent again.
    task_acks_late=True,
)
