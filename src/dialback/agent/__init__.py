"""The host agent: enrols a session host, keeps its link, and dials back when it is told to."""
