"""Several people press the same button at the same moment, on a real database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection, connections

from members.states import Refused


def race(runners: int, work: Callable[[int], Any]) -> list[Any]:
    """`work(0)`, `work(1)`, … at once, each on its own connection; results, or the refusals, in that order.

    Anything but a polite refusal (a deadlock, a broken constraint) is the test's failure.
    """
    start = Barrier(runners)

    def run(number: int) -> Any:
        try:
            connection.ensure_connection()
            start.wait(timeout=30)
            return work(number)
        except Refused as refusal:
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(runners) as pool:
        return list(pool.map(run, range(runners)))
