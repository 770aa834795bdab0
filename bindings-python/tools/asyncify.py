"""Write ``_async_clients.py``: the clients of ``_clients.py`` with ``async def`` and ``await``.

Two classes that have to say the same are written once. ``--check`` says whether the written file is up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "python" / "payamak"
SOURCE = PACKAGE / "_clients.py"
TARGET = PACKAGE / "_async_clients.py"

REPLACEMENTS = [
    (r"method for method, for code that waits\.", "method for method, for asyncio."),
    (r"from payamak import _native\n", "from payamak import _native\nfrom payamak._bridge import bridge, finish\n"),
    (r"class (PayamResan|NikSms)\(", r"class Async\1("),
    (r"for _class in \(PayamResan, NikSms\)", "for _class in (AsyncPayamResan, AsyncNikSms)"),
    # The one place that runs a native call.
    (
        r"    def _call\(self, method: Any, \*arguments: Any\) -> Any:\n        return method\(\*arguments, None\)",
        "    async def _call(self, method: Any, *arguments: Any) -> Any:\n"
        "        return await finish(method(*arguments, bridge()))",
    ),
    (r"= self\._call\(", "= await self._call("),
    (r"def close\(", "async def aclose("),
    (r"self\.close\(\)", "await self.aclose()"),
    (r"    def __enter__", "    async def __aenter__"),
    (r"    def __exit__", "    async def __aexit__"),
    # The examples.
    (r"(>>> .*?)\b(gateway|niksms|niksms_web_service)\.(?!name)(\w+)\(", r"\1await async_\2.\3("),
    (r"(>>> )gateway\.name", r"\1async_gateway.name"),
    (r"async_(\w+)\.close\(", r"async_\1.aclose("),
    (r"(>>> )(PayamResan|NikSms)\.from_env", r"\1Async\2.from_env"),
    (r"(\n    )(PayamResan|NikSms)\(name=", r"\1    Async\2(name="),
    (r"\n        (PayamResan|NikSms)\(name=", r"\n        Async\1(name="),
    (r">>> with (PayamResan|NikSms)\(", r">>> async with Async\1("),
    (r"(\.\.\.     )(gateway|niksms)\.(\w+)\(\)(\.credit)?", r"\1(await \2.\3())\4"),
]


def asyncify(source: str) -> str:
    """Turn the source of the waiting clients into that of the asyncio ones."""
    text = source
    for pattern, replacement in REPLACEMENTS:
        text = re.sub(pattern, replacement, text)

    def mark(method: re.Match[str]) -> str:
        body = method.group(0)
        return body.replace("    def ", "    async def ", 1) if "await self._call(" in body else body

    # A method reaches to the next one, or to the end of its class.
    text = re.sub(r"(?ms)^    def .*?(?=^    def |^    async def |^    @|^\S|\Z)", mark, text)
    note = '"""\n\n# Written by tools/asyncify.py from _clients.py: change that one.\n'
    return text.replace('"""\n', note, 1)


def main() -> int:
    """Write the file, or check it."""
    text = asyncify(SOURCE.read_text(encoding="utf-8"))
    if "--check" in sys.argv[1:]:
        if TARGET.read_text(encoding="utf-8") == text:
            return 0
        sys.stderr.write("_async_clients.py is not what tools/asyncify.py makes of _clients.py\n")
        return 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
