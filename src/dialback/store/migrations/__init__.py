"""The steps to the schema of `store/models.py`, taken at every start by `store/open.py`."""
