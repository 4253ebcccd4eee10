"""A worker wakes up again after its broker was away, whatever it held in its hands at that moment."""

import importlib.util
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from kombu import Connection, Consumer, Message, Producer, Queue


def script_services() -> Any:
    place = Path(__file__).parent.parent / "script" / "services.py"
    spec = importlib.util.spec_from_file_location("services", place)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


services = script_services()


@contextmanager
def broker(directory: Path, port: int) -> Iterator[None]:
    command = ["setpriv", "--pdeathsig=KILL", str(services.redis()), "--bind", "127.0.0.1", "--port", str(port)]
    with services.server("redis", [*command, "--save", ""], directory, lambda: services.answers(port), signal.SIGKILL):
        yield


def test_what_could_not_be_acknowledged_makes_room_for_the_next(tmp_path: Path) -> None:
    if not settings.BROKER_IS_REDIS:
        pytest.skip("mends the transport of Redis")
    port, held, errands = services.free_port(), list[Message](), Queue("errands", routing_key="errands")
    with Connection(f"redis://127.0.0.1:{port}/0", transport=settings.CELERY_BROKER_TRANSPORT) as connection:
        with broker(tmp_path, port):
            channel = connection.channel()
            Producer(channel).publish("first", routing_key="errands", declare=[errands])
            consumer = Consumer(channel, [errands], on_message=held.append, prefetch_count=1)
            consumer.consume()
            connection.drain_events(timeout=10)
            assert not channel.qos.can_consume()
        with pytest.raises(connection.connection_errors):
            held[0].ack()
        assert channel.qos.can_consume()
