"""MS-TSWP and MS-RDWR: the feed of a workspace, how clients ask for it, and how they reconnect."""
