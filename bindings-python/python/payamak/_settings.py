"""The settings of the clients, for type checkers: what ``from_env`` takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from os import PathLike

    from payamak._arguments import Number, Seconds

Dialect = Literal["public-api", "soap", "v2", "web-service"]
SendType = Literal["normal", "flash"]


class TransportSettings(TypedDict, total=False):
    """How requests travel."""

    name: str
    base_url: str
    timeout: Seconds
    connect_timeout: Seconds
    max_response_bytes: int
    read_attempts: int
    proxy: str
    ca_file: str | PathLike[str]
    extra_ca_pem: bytes
    bundled_roots: bool
    allow_insecure: bool


class PayamResanSettings(TransportSettings, total=False):
    """The settings of Payam Resan's client."""

    api_key: str
    sender: Number
    sandbox: bool


class NikSmsSettings(TransportSettings, total=False):
    """The settings of NikSMS's client."""

    username: str
    password: str
    api_key: str
    sender: Number
    dialect: Dialect
    v2_delivery_path: str
    max_recipients: int
    poll_interval: Seconds
