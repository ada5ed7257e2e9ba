"""Images in files: OCI layouts and their archives, Docker's archives, skopeo's directories. Start at `members.py`."""
