"""--chmod of COPY and ADD: octal, or symbolic as chmod(1) has it (POSIX chmod, Extended Description). Pure."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777}
_SHIFT = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111}


class Mode:
    """What --chmod says. Raises FormatError for what says nothing of the kind."""

    __slots__ = ("_clauses", "_octal")

    def __init__(self, text: str) -> None:
        self._octal = int(text, 8) if text and set(text) <= set("01234567") and len(text) <= 8 else None
        self._clauses: list[tuple[str, list[tuple[str, str]]]] = []
        if self._octal is not None:
            if self._octal > 0o7777:
                raise FormatError(f"--chmod={text}", "is above 7777")
            return
        for clause in text.split(","):
            who = clause[: len(clause) - len(clause.lstrip("ugoa"))]
            rest = clause[len(who) :]
            actions: list[tuple[str, str]] = []
            for character in rest:
                if character in "+-=":
                    actions.append((character, ""))
                elif actions and character in "rwxXstugo":
                    actions[-1] = (actions[-1][0], actions[-1][1] + character)
                else:
                    raise FormatError(f"--chmod={text}", f"{clause!r} is neither octal nor like u=rwX,go-w")
            if not actions or any(len(said) > 1 and set(said) & set("ugo") for _, said in actions):
                raise FormatError(f"--chmod={text}", f"{clause!r} is neither octal nor like u=rwX,go-w")
            self._clauses.append((who or "a", actions))

    def of(self, mode: int, is_directory: bool) -> int:
        """What the permissions of a file that had `mode` are."""
        if self._octal is not None:
            return self._octal
        for who, actions in self._clauses:
            mask = 0
            for one in who:
                mask |= _WHO[one]
            for action, permissions in actions:
                bits = self._bits(permissions, mode, is_directory) & mask
                if action == "+":
                    mode |= bits
                elif action == "-":
                    mode &= ~bits
                else:
                    kept = mode & 0o6000 if is_directory else 0  # chmod(1) keeps a directory's set-id bits
                    mode = (mode & ~mask) | bits | (kept & mask)
        return mode

    def _bits(self, permissions: str, mode: int, is_directory: bool) -> int:
        found = 0
        for one in permissions:
            if one in _BITS:
                found |= _BITS[one]
            elif one == "X":
                found |= 0o111 if is_directory or mode & 0o111 else 0
            elif one == "s":
                found |= 0o6000
            elif one == "t":
                found |= 0o1000
            else:
                found |= (mode >> _SHIFT[one] & 7) * 0o111
        return found
