"""What administrators look at in a browser, and the few things they do there; the rest is the API's.

Helpdesk sees sessions and users and changes nothing.
"""
