"""Real RDP hosts and clients, headless, on one machine: what the demo shows and the interop tests drive.

Strategy: each part is an object that starts real programs and ends them again, used as a context manager; a
wait has a deadline and fails with the end of the log. Rules: a process is ended by its id, never by its
name; nothing listens on an address other machines can reach; no certificate check is switched off. Most
parts need root (users, namespaces, PAM). Left out: Windows, Wayland hosts, browsers.
"""
