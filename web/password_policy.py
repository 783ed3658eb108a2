"""Which passwords are taken: at least twelve characters, and not easily guessed.

Nobody is made to use capitals or signs (NIST SP 800-63B, OWASP ASVS 2.1.9): the time a guesser would need is estimated
(zxcvbn: dictionaries, keyboard walks, sequences, repetitions, dates), with the words of this field, of Chinese names
and places in pinyin, and the user's own name added.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

from data.errors import InputRejected

SHORTEST = 12
LONGEST = 1024
_LOOKED_AT = 64  # of a longer one the beginning decides: the estimate's time grows with the square
_FEWEST_GUESSES = 10**8
_SHORTEST_NUMBER = 20
_LETTER_FOR_SIGN = str.maketrans("@({[<!|$+%", "acccciistx")
_MOST_READINGS = 8
_LETTER_FOR_DIGIT = str.maketrans("013457@$", "oieastas")
_WORD = re.compile(r"[^\W_]{3,}")


class PasswordRefused(InputRejected):
    """A password that is not taken (HTTP 422). `reason`: too_short, too_long or too_common."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def check_password(password: str, *own_words: str) -> None:
    """Raise PasswordRefused unless it may be used. `own_words`: what is known of the user (name, display name)."""
    length = len(password)
    if length < SHORTEST:
        detail = f"a password has at least {SHORTEST} characters, this one has {length}"
        raise PasswordRefused("too_short", detail)
    if length > LONGEST:
        raise PasswordRefused("too_long", f"a password has at most {LONGEST} characters, this one has {length}")
    known = [word for text in own_words for word in (text, *_WORD.findall(text)) if len(word) > 1]
    if _guesses(password[:_LOOKED_AT], [*known, *_field_words()]) < _FEWEST_GUESSES or _is_known_words(
        password, frozenset(map(str.casefold, known))
    ):
        detail = "this password is easily guessed: it is made of common words, names, sequences or keyboard patterns"
        raise PasswordRefused("too_common", detail)


def _guesses(text: str, words: list[str]) -> int:
    """How many guesses are needed: for the text, and for the text with signs read as the letters they stand for.

    zxcvbn tries every combination of signs put for letters, which takes long when there are many. Such a text is
    looked at with its signs read as letters only.
    """
    found: list[dict[str, Any]] = [zxcvbn(text.translate(_LETTER_FOR_SIGN), user_inputs=words)]
    if _readings(text) <= _MOST_READINGS:
        found.append(zxcvbn(text, user_inputs=words))
    return min(int(one["guesses"]) for one in found)


def _readings(text: str) -> int:
    """In how many ways signs and digits of the text can stand for letters."""
    present = set(text)
    return math.prod(max(1, len(present.intersection(signs))) for signs in L33T_TABLE.values())


def _is_known_words(password: str, own: frozenset[str]) -> bool:
    """True for one or two known words with any digits and signs around, and for a few digits and signs alone."""
    letters = "".join(sign for sign in password.casefold().translate(_LETTER_FOR_DIGIT) if sign.isalpha())
    plain = "".join(sign for sign in password.casefold() if sign.isalpha())
    known = own | frozenset(_field_words()) | {""}
    if not plain:
        return len(password) < _SHORTEST_NUMBER
    return any(core[:cut] in known and core[cut:] in known for core in {letters, plain} for cut in range(len(core) + 1))


@lru_cache(1)
def _field_words() -> tuple[str, ...]:
    text = (Path(__file__).parent / "password_words.txt").read_text(encoding="utf-8")
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
