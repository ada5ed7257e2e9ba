"""The one on-disk store that all commands share. Start at `store.py`."""
