r"""Escaping: other people's text as one printable line, for logs and for Events.

A message of a container, a Pod or an API answer may hold line breaks, terminal escape sequences,
text direction overrides or lone surrogates. Each of them becomes a Python escape such as `\x1b`.
"""

_SPACES = frozenset("\xa0\u1680\u202f\u205f\u3000").union(map(chr, range(0x2000, 0x200B)))
"""Spaces that Python does not count as printable. They are harmless."""

_CUT = "... (cut)"


def escape(text: str) -> str:
    """Return the text with an escape for each character that is not printable.

    These are Unicode's control and format characters, line and paragraph separators, surrogates,
    private and unassigned characters. Backslashes stay, so the result has no exact inverse.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _SPACES else _escaped(c) for c in text)


def one_line(text: str, limit: int) -> str:
    """Return the escaped text, cut with a mark if it takes more than `limit` bytes.

    Bytes count as in a JSON string of ASCII characters, which is never shorter than UTF-8.
    """
    # A character takes at least a byte, so the first ones decide. The rest is never looked at.
    line = escape(text[: limit + 1])
    if len(line) * (2 if line.isascii() else _MOST_BYTES) <= limit:
        return line
    room = limit - len(_CUT)
    used = end = 0
    for index, character in enumerate(line):
        used += _bytes_of(character)
        if used <= room:
            end = index + 1
        if used > limit:
            return line[:end] + _CUT
    return line


def size(line: str) -> int:
    """Return the bytes that an escaped line takes in a JSON string of ASCII characters."""
    return sum(map(_bytes_of, line))


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


_MOST_BYTES = 12


def _bytes_of(character: str) -> int:
    if character in '"\\':
        return 2
    if character < "\x80":
        return 1
    return 6 if character < "\U00010000" else _MOST_BYTES
