"""The workspace feed: how stock clients find it, log in, and fetch lists, icons and connection files."""
