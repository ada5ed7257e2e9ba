"""The only doors to the kernel and to other programs: atomic files, locks, mounts, processes."""
