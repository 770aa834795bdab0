"""The questions: who is asked what, and the tables that come of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, TypeVar

from driver import Answers, BenchError, Server, Subject, rounds
from footprint import footprints
from tables import duration, markdown, median, number, ratios, size

T = TypeVar("T")

OURS = {
    "rust": "payamak",
    "python": "payamak",
    "python, asyncio": "payamak-async",
    "python, asyncio beside SDKs": "payamak-async",
    "node": "payamak",
    "kotlin": "payamak",
}

SEQUENTIAL = {
    "rust": ["payamak", "payamak-messenger", "reqwest"],
    "python": [
        "payamak",
        "payamak-messenger",
        "urllib3",
        "requests",
        "httpx",
        "payamresan",
        "niksms",
        "kavenegar",
        "smsir-python",
    ],
    "python, asyncio": ["payamak-async", "payamak-messenger-async", "aiohttp", "httpx-async"],
    "node": ["payamak", "payamak-messenger", "undici", "fetch", "axios", "kavenegar", "smsir-js"],
    "kotlin": ["payamak", "payamak-messenger", "java.net.http", "HttpURLConnection", "okhttp"],
}
CALLS = {"rust": 20_000, "python": 1_000, "python, asyncio": 1_000, "node": 2_000, "kotlin": 5_000}
DIALECTS = ["payam-resan", "soap", "public-api", "v2", "web-service"]
STATUS_CALLS = {"rust": 5_055, "python": 1_011, "node": 1_011, "kotlin": 1_011}
DECODERS = {"rust": ["reqwest"], "python": ["urllib3"], "node": ["bare", "bare-rounded"], "kotlin": ["java.net.http"]}


def subjects(group: str, names: list[str]) -> list[Subject]:
    """The clients of those names."""
    return [Subject(group.split(",", maxsplit=1)[0], name) for name in names]


def column(answers: list[dict[str, Any]], what: str) -> list[float]:
    """One figure of every round."""
    return [float(answer[what]) for answer in answers]


def one_send(server: Server, languages: list[str]) -> str:
    """CPU and time a call."""
    tables = []
    for group, names in chosen(SEQUENTIAL, languages):
        calls = CALLS[group]
        answers = rounds(server.answers, subjects(group, names), {"job": "send", "calls": calls})
        ours = ours_of(group, answers)
        rows = [
            [
                subject.name,
                duration(median(column(costs, "cpu")) / calls),
                duration(median(column(costs, "wall")) / calls),
                ratios(column(ours, "cpu"), column(costs, "cpu")),
                ratios(column(ours, "wall"), column(costs, "wall")),
            ]
            for subject, costs in answers.items()
        ]
        head = [group, "CPU a call", "time a call", "payamak's CPU to it", "payamak's time to it"]
        tables.append(markdown(head, rows))
    return "\n\n".join(tables)


IN_FLIGHT = {
    "rust": (["payamak", "payamak-messenger", "reqwest", "sockets"], 200, 20_000),
    "python": (
        ["payamak", "urllib3", "requests", "httpx", "payamresan", "niksms", "kavenegar", "smsir-python"],
        16,
        800,
    ),
    "python, asyncio": (["payamak-async", "payamak-messenger-async", "aiohttp"], 200, 5_000),
    # So slow that more would take all day; niksms is the fastest of the SDKs that block.
    "python, asyncio beside SDKs": (["payamak-async", "niksms", "httpx-async", "aio-kavenegar"], 200, 300),
    "node": (["payamak", "undici", "fetch", "axios", "kavenegar", "smsir-js"], 200, 4_000),
    "kotlin": (["payamak", "java.net.http", "okhttp"], 200, 4_000),
}
"""Subjects, how many sends are under way at once, and how many there are in all. Who blocks has a thread for each."""


def many_in_flight(server: Server, languages: list[str]) -> str:
    """Messages a second, and how long the event loop was held."""
    tables = []
    for group, (names, width, calls) in chosen(IN_FLIGHT, languages):
        job = {"job": "in_flight", "calls": calls, "width": width}
        answers = rounds(server.answers, subjects(group, names), job)
        ours = ours_of(group, answers)
        rows = []
        for subject, costs in answers.items():
            stalls = [cost["stall"] for cost in costs if cost.get("stall") is not None]
            rows.append(
                [
                    subject.name,
                    number(calls / median(column(costs, "wall"))),
                    # Messages a second are the inverse of time.
                    ratios(column(costs, "wall"), column(ours, "wall")),
                    duration(median(column(costs, "cpu")) / calls),
                    duration(median(stalls)) if stalls else "–",
                ]
            )
        head = [
            f"{group}, {width} at once",
            "messages a second",
            "payamak's to it",
            "CPU a message",
            "longest hold of the loop",
        ]
        tables.append(markdown(head, rows))
    return "\n\n".join(tables)


CAMPAIGNS = {
    "rust": (["payamak-messenger", "sockets"], [1_000, 10_000, 100_000, 1_000_000]),
    "python": (["payamak-messenger"], [100_000]),
    "node": (["payamak-messenger"], [100_000]),
    "kotlin": (["payamak-messenger"], [100_000]),
}


def campaign(server: Server, languages: list[str]) -> str:
    """One text to many numbers, and how that grows."""
    rows = []
    for group, (names, counts) in chosen(CAMPAIGNS, languages):
        for messages in counts:
            rows += campaign_rows(group, names, messages, server, server.answers, "at once")
    if "rust" in languages:
        names, _ = CAMPAIGNS["rust"]
        rows += campaign_rows("rust", names, 100_000, server, server.unhurried, "after 10 ms")
    head = [
        "",
        "answers",
        "messages",
        "requests",
        "connections",
        "time",
        "CPU",
        "a message",
        "peak memory",
        "of the ceiling",
    ]
    return markdown(head, rows)


def campaign_rows(
    group: str, names: list[str], messages: int, server: Server, url: str, manner: str
) -> list[list[str]]:
    """One size of campaign: a row a client."""
    # Processes of their own for each size: memory once had is never given back.
    job = {"job": "campaign", "messages": messages}
    answers = rounds(url, subjects(group, names), job)
    ceiling = answers.get(Subject("rust", "sockets"))
    rows = []
    for subject, costs in answers.items():
        wall, peak = column(costs, "wall"), costs[-1].get("peak")
        requests, connections = traffic(server, url, subject, job)
        rows.append(
            [
                f"{group}, {subject.name}",
                manner,
                number(messages),
                number(requests),
                number(connections),
                duration(median(wall)),
                duration(median(column(costs, "cpu"))),
                duration(median(wall) / messages),
                size(peak) if peak else "–",
                ratios(column(ceiling, "wall"), wall) if ceiling else "–",
            ]
        )
    return rows


def traffic(server: Server, url: str, subject: Subject, job: dict[str, Any]) -> tuple[int, int]:
    """How many requests and connections one subject makes when it does a job once."""
    with closing(subject.start(url)) as worker:
        before = server.counts(url)
        worker.ask(job)
        after = server.counts(url)
    # The second look at the counts is a connection too.
    return after["sends"] - before["sends"], after["connections"] - before["connections"] - 1


def statuses(server: Server, languages: list[str]) -> str:
    """100,000 statuses in 1,011 calls, for every dialect."""
    tables = []
    for group, bare in chosen(DECODERS, languages):
        calls = STATUS_CALLS[group]
        rows = []
        for dialect in DIALECTS:
            asked = subjects(group, [OURS[group], *bare])
            answers = rounds(server.answers, asked, {"job": "statuses", "dialect": dialect, "calls": calls, "each": 99})
            ours = column(answers[asked[0]], "cpu")
            rows += [
                [
                    f"{dialect}, {subject.name}",
                    duration(median(column(costs, "cpu")) / calls * 1_011),
                    ratios(column(costs, "cpu"), ours),
                ]
                for subject, costs in answers.items()
            ]
        tables.append(markdown([group, "CPU for 100,000", "payamak is faster"], rows))
    return "\n\n".join(tables)


FAULTS = {
    "rust": ["payamak-messenger", "reqwest"],
    "python": [
        "payamak-messenger",
        "urllib3",
        "requests",
        "httpx",
        "aiohttp",
        "payamresan",
        "niksms",
        "kavenegar",
        "smsir-python",
    ],
    "node": ["payamak-messenger", "undici", "fetch", "axios", "kavenegar", "smsir-js"],
    "kotlin": ["payamak-messenger", "java.net.http", "HttpURLConnection", "okhttp"],
}
PATIENCE = 30


def faults(server: Server, languages: list[str]) -> str:
    """How often each client posts, whether it ends, and what it says."""
    del server  # Each client has one of its own, which counts what that client sends.
    groups = {group: subjects(group, names) for group, names in chosen(FAULTS, languages)}
    # They mostly wait, so they wait together.
    with ThreadPoolExecutor(max_workers=32) as pool:
        results = {group: [pool.submit(fault_rows, subject) for subject in asked] for group, asked in groups.items()}
    tables = []
    for group, of_group in results.items():
        rows = [row for result in of_group for row in result.result()]
        tables.append(markdown([group, "the gateway", "posts", "ends", "says"], rows))
    return "\n\n".join(tables)


def fault_rows(subject: Subject) -> list[list[str]]:
    """One client: a row a fault."""
    rows = []
    with closing(Server()) as server:
        for fault, url in (("hangs up", server.drops), ("never answers", server.silent)):
            with closing(subject.start(url)) as worker:
                answer = worker.ask({"job": "fault", "timeout": PATIENCE})
                posts = server.counts(url)["sends"]
            ended = f"after {duration(answer['seconds'])}" if answer["ended"] else f"not within {PATIENCE} s"
            rows.append([subject.name, fault, str(posts), ended, said(answer["says"])])
    return rows


def said(text: str) -> str:
    """In one line of bearable length, fit for a table."""
    line = " ".join(text.split()).replace("|", "/")
    return line if len(line) <= 100 else line[:99] + "…"


def loading(server: Server, languages: list[str]) -> str:
    """Seconds and bytes before anything is sent."""
    tables = []
    for language, found in footprints(languages, server.answers):
        rows = [
            [item.name, duration(median(item.wall)), ratios(found[0].wall, item.wall), size(item.bytes)]
            for item in found
        ]
        tables.append(markdown([language, "to load", "payamak's to it", "installed, with what it needs"], rows))
    return "\n\n".join(tables)


def ours_of(group: str, answers: Answers) -> list[dict[str, Any]]:
    """What the others are compared with."""
    for subject, costs in answers.items():
        if subject.name == OURS[group]:
            return costs
    raise BenchError(f"payamak has not answered in {group}")


def chosen(table: dict[str, T], languages: list[str]) -> Iterator[tuple[str, T]]:
    """The groups of a table whose language is asked."""
    for group, value in table.items():
        if group.split(",", maxsplit=1)[0] in languages:
            print(f"  {group}", file=sys.stderr)
            yield group, value


QUESTIONS: dict[str, Callable[[Server, list[str]], str]] = {
    "1. One send after the other": one_send,
    "2. Many sends in flight": many_in_flight,
    "3. A campaign": campaign,
    "4. Statuses, from the wire to objects": statuses,
    "5. Loading, and what is installed": loading,
    "6. A gateway that takes the message and hangs up, or never answers": faults,
}
