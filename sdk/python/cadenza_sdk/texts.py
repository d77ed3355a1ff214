"""Texts as the contract takes them: in UTF-8, which has no spelling for half a character (a lone surrogate). A Python text may
hold one, and would trap without a word."""


def spellable(text: str) -> str:
    """The text, with `?` for what UTF-8 cannot spell."""
    return text if text.isascii() else text.encode(errors="replace").decode()


def beginning(text: str, bytes_max: int) -> str:
    """As much of it as fits into so many bytes, cut between characters, with `?` for what UTF-8 cannot spell."""
    if text.isascii():
        return text[:bytes_max]
    return text.encode(errors="replace")[:bytes_max].decode(errors="ignore")
