"""A campaign from a CSV file: a personal text each, a progress bar, and a receipt for every row.

    pip install payamak tqdm                          # tqdm is optional
    python quickstart.py ../data/recipients.csv

It sends by Payam Resan if PAYAM_RESAN_API_KEY and PAYAM_RESAN_SENDER are in the environment. Without them it starts the
emulator that comes with payamak: no account, no network, no message to anybody.
"""

from __future__ import annotations

import contextlib
import csv
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from payamak import Message, Messenger, PayamResan, Progress
from payamak.testing import Emulator


@contextlib.contextmanager
def choose_gateway() -> Iterator[PayamResan]:
    """Give the real gateway, or without credentials the emulated one."""
    if "PAYAM_RESAN_API_KEY" in os.environ:
        with PayamResan.from_env() as gateway:
            yield gateway
        return
    print("No PAYAM_RESAN_API_KEY in the environment: sending to the emulator.")
    with (
        Emulator() as emulator,
        PayamResan(api_key=Emulator.PAYAM_RESAN_KEY, sender=30004040, base_url=emulator.payam_resan_url) as gateway,
    ):
        yield gateway


def read_messages(file: Path) -> list[Message]:
    """Make a message of each row. The numbers may be typed in any way."""
    with file.open(encoding="utf-8-sig", newline="") as rows:
        return [
            Message(row["number"], f"{row['name']} عزیز، بدهی شما {row['amount']} تومان است.")
            for row in csv.DictReader(rows)
        ]


@contextlib.contextmanager
def progress_bar(total: int) -> Iterator[Callable[[Progress], object]]:
    """Show a bar if tqdm is installed, and a line otherwise."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda progress: print(f"\r{progress.done} of {total}", end="", file=sys.stderr)
        print(file=sys.stderr)
        return
    with tqdm(total=total, unit=" messages") as bar:
        yield lambda progress: bar.update(progress.done - bar.n)


def main() -> int:
    """Send the campaign and say what became of it."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "data" / "recipients.csv"
    messages = read_messages(file)
    with choose_gateway() as gateway, Messenger([gateway]) as messenger, progress_bar(len(messages)) as show:
        # Each message is named by the key and its number: a second run sends nothing twice, though the file has grown.
        # Two runs at the same moment can: both would hear that nothing is there yet.
        report = messenger.send_each(messages, key="debt-2026-11", on_progress=show)
    counts = len(report.accepted), len(report.rejected), len(report.unclear)
    print("accepted {}, rejected {}, unclear {}".format(*counts))
    for index, receipt in enumerate(report):
        if receipt.error is not None:
            # The error's text masks the number; its row is enough to find it.
            print(f"row {index + 2}: {receipt.outcome}: {receipt.error}")
    return 0 if not report.unclear else 1


if __name__ == "__main__":
    sys.exit(main())
