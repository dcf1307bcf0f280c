"""Floor 3: holds agent links, decides access and placement, keeps the record of connections."""
