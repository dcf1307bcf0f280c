"""What administrators look at in a browser, and the few things they do there; the rest is the API's.

Helpdesk sees all but publisher and audit log, and helps with sessions and connections; administrators change
the rest.
"""
