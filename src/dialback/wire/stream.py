"""The names of the raw stream: how a redirector asks the gateway for a host, and what the answer turns into.

A request `GET /stream/ALIAS` with a bearer token and `Upgrade: dialback-stream` is answered `101` when the
host is there; the RDP stream follows as it is, both ways. It is the client's counterpart to a host leg: no
frames, so nothing is masked and copied for each chunk. A refusal is 403 with a JSON object: `reason` and
`detail`.
"""

STREAM_PATH = "/stream/"
STREAM_UPGRADE = "dialback-stream"
