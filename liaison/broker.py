"""Kombu's transport for Redis, mended where it forgets to wake up.

In kombu 5.7 an acknowledgement that fails because the broker is gone keeps its place among the messages that a worker
may hold at once. When that befalls every message a worker holds, it asks for no more, looks at its broken connection no
more, and sleeps for good while the broker has long been back: the storm of tests/chaos found it.
"""

from kombu.transport import redis, virtual
from redis.exceptions import RedisError


class QoS(redis.QoS):
    def ack(self, delivery_tag: str) -> None:
        try:
            super().ack(delivery_tag)
        except (RedisError, OSError):
            # Redis hands the message out again after the visibility timeout; here its place is free.
            virtual.QoS.ack(self, delivery_tag)
            raise


class Channel(redis.Channel):
    QoS = QoS


class Transport(redis.Transport):
    Channel = Channel
