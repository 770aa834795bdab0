"""The shop's messenger, made once: Celery's forked workers use it as it is."""

from __future__ import annotations

import os

from payamak import Messenger, PayamResan

gateway = PayamResan.from_env(**({"base_url": url} if (url := os.environ.get("PAYAM_RESAN_URL")) else {}))
messenger = Messenger([gateway])
