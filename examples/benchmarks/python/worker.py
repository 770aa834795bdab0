"""One subject of the benchmark: `python worker.py urllib3 http://127.0.0.1:8098`, then a job a line on stdin.

Each answer is one line of JSON, as ../README.md describes it.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from importlib.metadata import version

from jobs import Jobs

# The module and the class of each subject, and the packages whose versions belong beside its numbers.
SUBJECTS = {
    "payamak": ("subjects_payamak", "Gateway", ["payamak"]),
    "payamak-messenger": ("subjects_payamak", "SafeSend", ["payamak"]),
    "payamak-async": ("subjects_payamak", "AsyncGateway", ["payamak"]),
    "payamak-messenger-async": ("subjects_payamak", "AsyncSafeSend", ["payamak"]),
    "urllib3": ("subjects_urllib3", "Urllib3", ["urllib3"]),
    "requests": ("subjects_bare", "Requests", ["requests", "urllib3"]),
    "httpx": ("subjects_bare", "Httpx", ["httpx", "httpcore"]),
    "httpx-async": ("subjects_bare", "AsyncHttpx", ["httpx", "httpcore"]),
    "aiohttp": ("subjects_bare", "Aiohttp", ["aiohttp"]),
    "payamresan": ("subjects_peers", "Payamresan", ["payamresan", "requests"]),
    "niksms": ("subjects_peers", "Niksms", ["niksms", "requests"]),
    "kavenegar": ("subjects_peers", "Kavenegar", ["kavenegar", "requests"]),
    "smsir-python": ("subjects_peers", "SmsirPython", ["smsir-python", "requests"]),
    "aio-kavenegar": ("subjects_peers", "AioKavenegar", ["aio-kavenegar", "httpx"]),
}


def answers_only() -> int:
    """Keep stdout for the answers: some packages print and log there."""
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def main() -> None:
    """Do the jobs until stdin ends."""
    name, base = sys.argv[1:]
    answers = answers_only()

    def tell(answer: dict[str, object]) -> None:
        os.write(answers, (json.dumps(answer, ensure_ascii=False) + "\n").encode())

    module, subject, packages = SUBJECTS[name]
    jobs = Jobs(getattr(importlib.import_module(module), subject), base)
    versions = {package: version(package) for package in packages}
    tell({"ready": True, "subject": name, "versions": {"python": platform.python_version(), **versions}})
    for line in sys.stdin:
        tell(jobs.do(**json.loads(line)))
    jobs.end()


if __name__ == "__main__":
    main()
