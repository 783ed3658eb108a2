"""What can go wrong, by name.

Everything the product raises on purpose derives from `YipingError`, so that a caller can tell a refusal
(clear, expected, shown to a person) from a defect.
"""

from __future__ import annotations


class YipingError(Exception):
    """Base of every error raised on purpose; its text is fit to be shown to a person and holds no secret.

    `key`, `values`: the same for screens, which say it in their reader's language: the name of a sentence among their
    words (`refused.` and the key), and what stands in it: numbers, ids, states, times as ISO 8601.
    """

    def __init__(self, text: str = "", *, key: str = "", **values: str | int | None) -> None:
        super().__init__(text)
        self.key = key
        self.values = values


class DeviceLost(YipingError):
    """A camera or sensor cannot be read now; the runtime reconnects with backoff."""


class InputRejected(YipingError):
    """One input (a file, a message, a picture) cannot be used and never will; the rest goes on."""


class NoValue(InputRejected):
    """A source says in the way of its protocol that it has no value now; nothing is wrong with what came."""


class NotFound(YipingError):
    """The thing asked for does not exist (HTTP 404)."""


class RowDamaged(NotFound):
    """What is stored of the thing asked for is damaged: it is there, but nothing of it is served."""


class Forbidden(YipingError):
    """This person may not do this (HTTP 403)."""


class IllegalMove(YipingError):
    """The present state does not allow this step (HTTP 409); the text says why."""


class StaleVersion(IllegalMove):
    """Somebody changed the row since it was read (HTTP 409)."""


class UnusableRow(YipingError):
    """What is stored of one thing cannot be read; it is put aside by name and the rest goes on."""


class NobodyAvailable(IllegalMove):
    """No responder passes the hard filters; the text names the reasons."""


class StoreClosed(YipingError):
    """The store no longer takes writes (shutting down or its disk failed)."""


class Busy(YipingError):
    """Too much is being asked at once; the same request may succeed in a moment (HTTP 503)."""


class TookTooLong(YipingError):
    """A question to the store was given up after its time; a narrower one may be answered (HTTP 422)."""


class StoreFull(StoreClosed):
    """The disk of the store is full: nothing of this unit of work was stored, and the next may be."""


class UnverifiedWeights(YipingError):
    """A weights file's SHA-256 is not the pinned one, or is not known at all."""
