"""One-time passwords with FastAPI.

    pip install payamak fastapi uvicorn
    uvicorn otp_fastapi:app                           # in this folder
    curl -X POST 'http://127.0.0.1:8000/codes?number=09121112222'
    curl -X POST 'http://127.0.0.1:8000/codes/check?number=09121112222&code=12345'

With PAYAM_RESAN_API_KEY in the environment it sends by the template `verify` of that account; without it, to the
emulator that comes with payamak.
"""

from __future__ import annotations

import hmac
import os
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request

from payamak import AsyncMessenger, AsyncPayamResan, InvalidInputError, msisdn
from payamak.testing import Emulator

LIFETIME = 120.0
#: After so many wrong guesses a code is worth nothing.
GUESSES = 5
#: What Persian and Arabic keyboards type.
LATIN_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep one messenger for the life of the process."""
    app.state.codes = {}
    if "PAYAM_RESAN_API_KEY" in os.environ:
        async with AsyncMessenger([AsyncPayamResan.from_env()]) as app.state.messenger:
            yield
        return
    with Emulator() as app.state.emulator:
        gateway = AsyncPayamResan(
            api_key=Emulator.PAYAM_RESAN_KEY, sender=30004040, base_url=app.state.emulator.payam_resan_url
        )
        async with AsyncMessenger([gateway]) as app.state.messenger:
            yield


app = FastAPI(lifespan=lifespan)


def read_number(number: str) -> str:
    """Bring what people type into one form, or say what is wrong with it."""
    try:
        return msisdn(number).national
    except InvalidInputError as error:
        raise HTTPException(422, error.detail) from error


@app.post("/codes", status_code=202)
async def send_code(number: str, request: Request) -> dict[str, str]:
    """Send a code."""
    to = read_number(number)
    code = f"{secrets.randbelow(10**5):05}"
    # Whoever asks again gets a new code in a new message, so there is no key. One would have to name the login and the
    # attempt: under a key that was used before, a new code is not sent.
    # The deadline is there because a person waits: better to say soon that it did not work.
    [receipt] = await request.app.state.messenger.send_template("verify", [(to, [code])], deadline=8)
    if receipt.outcome == "rejected":
        raise HTTPException(503, "the code could not be sent")
    # An unclear one may arrive, so its code counts.
    request.app.state.codes[to] = code, time.monotonic() + LIFETIME, GUESSES
    return {"outcome": receipt.outcome}


@app.post("/codes/check")
async def check_code(number: str, code: str, request: Request) -> dict[str, bool]:
    """Check a code; it can be used once."""
    to, codes = read_number(number), request.app.state.codes
    expected, until, guesses = codes.pop(to, ("", 0.0, 0))
    typed = code.translate(LATIN_DIGITS)
    is_right = time.monotonic() < until and hmac.compare_digest(expected.encode(), typed.encode())
    if not is_right and guesses > 1:
        codes[to] = expected, until, guesses - 1
    return {"valid": is_right}
