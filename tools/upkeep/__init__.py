"""The store looked after: what is wrong with it, mended, what may go, and what it takes. Start at `check.py`."""
