"""What stands in for an RDP client in scripts of a few lines: it goes as far as TLS, as real ones do."""

from dialback.transport.rdp import OFFERED
from dialback.wire.x224 import build_connection_request

REACH = f"""
import socket, ssl, sys

def reach():
    place = next(word[3:] for word in sys.argv if word.startswith("/v:"))
    address, port = place.rsplit(":", 1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    sock = socket.create_connection((address, int(port)))
    sock.sendall(bytes.fromhex("{build_connection_request(OFFERED).hex()}"))
    sock.recv(19, socket.MSG_WAITALL)
    return context.wrap_socket(sock)
"""
"""Defines `reach`, which returns a TLS socket to where `/v:` says. It has no braces: it will be formatted."""
