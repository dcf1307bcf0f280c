"""MS-TSGU: the packets of a gateway tunnel, and the machines of its two sides."""
