"""The programs of examples/python, run against the emulator."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from payamak.testing import Emulator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "python"
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("PAYAM_RESAN", "NIKSMS"))},
    "PYTHONIOENCODING": "utf-8",
}


def test_quickstart() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "quickstart.py", EXAMPLES.parent / "data" / "recipients.csv"],
        capture_output=True,
        encoding="utf-8",
        env=ENVIRONMENT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "accepted 29, rejected 2, unclear 0" in done.stdout
    assert "100%" in done.stderr
    assert "0912111" not in done.stdout


def test_track_asyncio() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "track_asyncio.py"],
        capture_output=True,
        encoding="utf-8",
        env=ENVIRONMENT,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "message 0: delivered (delivered), final" in done.stdout
    assert "message 2: failed (recipient_blacklisted), final" in done.stdout


def test_otp_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    monkeypatch.delenv("PAYAM_RESAN_API_KEY", raising=False)
    spec = importlib.util.spec_from_file_location("otp_fastapi", EXAMPLES / "otp_fastapi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with TestClient(module.app) as client:
        assert client.post("/codes", params={"number": "0912"}).status_code == 422
        assert client.post("/codes", params={"number": "0912 111 2222"}).json() == {"outcome": "accepted"}
        [message] = module.app.state.emulator.messages
        code = message.text.rsplit(" ", 1)[-1]
        check = {"number": "۰۹۱۲۱۱۱۲۲۲۲", "code": code}
        assert client.post("/codes/check", params={**check, "code": "wrong"}).json() == {"valid": False}
        assert client.post("/codes/check", params={**check, "code": "۱۲٣"}).json() == {"valid": False}
        assert client.post("/codes/check", params=check).json() == {"valid": True}
        assert client.post("/codes/check", params=check).json() == {"valid": False}

        # Asking again gives a new code in a new message, and typed with a Persian keyboard it is as good.
        client.post("/codes", params={"number": "09121112222"})
        code = module.app.state.emulator.messages[1].text.rsplit(" ", 1)[-1]
        check["code"] = code.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))
        assert client.post("/codes/check", params=check).json() == {"valid": True}

        # Who guesses does not guess for long.
        client.post("/codes", params={"number": "09121112222"})
        check["code"] = module.app.state.emulator.messages[2].text.rsplit(" ", 1)[-1]
        for _ in range(module.GUESSES):
            assert client.post("/codes/check", params={**check, "code": "wrong"}).json() == {"valid": False}
        assert client.post("/codes/check", params=check).json() == {"valid": False}


# Windows has no fork, and nothing of Celery's pool to test; everywhere else it runs.
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Celery's prefork pool needs fork")
def test_django_celery(emulator: Emulator, tmp_path: Path) -> None:
    environment = {
        **ENVIRONMENT,
        "PAYAM_RESAN_API_KEY": "demo-key",
        "PAYAM_RESAN_SENDER": "30004040",
        "PAYAM_RESAN_URL": emulator.payam_resan_url,
        "SHOP_QUEUE": str(tmp_path),
    }
    folder = EXAMPLES / "django_celery"
    options = ["--pool", "prefork", "--concurrency", "2", "--loglevel", "WARNING"]
    with (tmp_path / "log").open("w+") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "shop", "worker", *options],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            for order in (981, 982, 981):
                done = subprocess.run(
                    [sys.executable, "manage.py", "announce", str(order), "09121112222"],
                    cwd=folder,
                    env=environment,
                    capture_output=True,
                    encoding="utf-8",
                    timeout=90,
                )
                log.seek(0)
                assert done.returncode == 0, done.stderr + log.read()
                assert done.stdout.startswith("accepted ")
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)
    # The order that was announced twice has one message.
    assert emulator.message_count == 2
