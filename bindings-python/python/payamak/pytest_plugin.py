"""The fixture ``payamak_emulator``, for everybody who has payamak and pytest installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from payamak.testing import Emulator


@pytest.fixture
def payamak_emulator() -> Iterator[Emulator]:
    """Both gateways on loopback, fresh for each test."""
    # Imported here, so that tests which do not ask for it do not pay for it.
    from payamak.testing import Emulator

    with Emulator() as emulator:
        yield emulator
