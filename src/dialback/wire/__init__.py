"""Floor 0: every byte format and its state machine.

Bytes in, events out. Nothing here opens a socket, reads a clock, draws a random number or logs: what a
module needs is passed in.
"""
