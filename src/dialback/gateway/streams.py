"""The client's byte stream while a tunnel is set up: a leg, or two on a legacy tunnel, behind a carrier."""

from dialback.relay.framings import Carrier, Framing
from dialback.relay.join import End
from dialback.transport.leg import Leg, LegLost


class ClientStream:
    """Reads stream bytes from `source` and writes messages to `sink`, through the carrier."""

    def __init__(self, source: Leg, sink: Leg, carrier: Carrier) -> None:
        self.source = source
        self.sink = sink
        self.carrier = carrier

    async def receive(self) -> bytes:
        """Return the next bytes of the stream, all that came at once.

        Raises:
            LegLost: the client ended the stream, or its leg broke.
            WireError: the client broke the carrier's format.
        """
        stream = b""
        while not stream:
            data = b"" if self.carrier.ended else await self.source.receive()
            if not data:
                raise LegLost("the client ended its stream")
            stream = b"".join(self.carrier.unwrap(data))
            if self.carrier.replies:
                self.sink.send(self.carrier.replies)
                self.carrier.replies = b""
        return stream

    def send(self, message: bytes) -> None:
        """Send one message."""
        self.sink.send(self.carrier.wrap(message))

    def end(self, framing: Framing) -> End:
        """Return the end a relay takes over."""
        return End(self.source, self.sink, framing)

    async def close(self) -> None:
        """Flush and close; what was sent before is delivered."""
        await self.sink.close()
        if self.source is not self.sink:
            await self.source.close()
