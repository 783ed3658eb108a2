"""Signs the end of the audit trail about once a minute, and raises an alarm when signed entries are missing or changed.

A checkpoint is signed only after every entry since the last one was verified against the hash chain, so that changed
entries are never signed (docs/SECURITY.md).
"""

from __future__ import annotations

import logging
import logging.handlers
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from alerts.lifecycle import end_alert, raise_alert
from data.config.settings import Settings
from data.errors import InputRejected
from data.local.checkpoint import STORED_AS, Checkpoint, CheckpointFile, CheckpointKey, checkpoint_of, following
from data.model.alert import CENTRE, AlertKey, Ended, Priority, Raised
from data.model.record import GENESIS, AuditEntry, broken_link
from data.ports.channel import DeliveryFailed
from data.ports.store import Store
from notices._http import request

log = logging.getLogger(__name__)

KIND = "audit"
ALARM = AlertKey(CENTRE, KIND, "", "trail")
_PAGE = 2000
_PAGES_AT_ONCE = 50  # for a trail that was never signed; the next poll continues
_SEND_WITHIN_S = 5.0


class AuditSeal:
    """`poll` on one thread. Raises what the store raises, OSError when VAR/audit cannot be written."""

    def __init__(self, store: Store, settings: Settings, key: CheckpointKey, file: CheckpointFile) -> None:
        self._store = store
        self._settings = settings
        self._key = key
        self._file = file
        self._others = _others(settings)
        self._newest: Checkpoint | None = None
        self._known = False
        self._alarmed: bool | None = None

    def take(self, settings: Settings) -> None:
        """Use new settings for alarms; the destination of checkpoints belongs to the machine and does not change."""
        self._settings = settings

    def poll(self, now: datetime | None = None) -> None:
        """Sign new entries; raise or end the alarm."""
        now = now or datetime.now(UTC)
        if not self._known:
            self._newest, self._known = self._last_known(), True
        wrong = self._sign_what_is_new(now)
        if wrong:
            log.error("the audit trail: %s", wrong)
        self._tell(wrong, now)

    def _last_known(self) -> Checkpoint | None:
        """The newer checkpoint of file and store: one of them may have been restored to an earlier state."""
        in_file, _ = self._file.read()
        kept = self._store.read(lambda reader: reader.value(STORED_AS))
        try:
            stored = [] if kept is None else [checkpoint_of(kept)]
        except InputRejected as error:
            log.error("the checkpoint in the store: %s", error)
            stored = []
        return max([*in_file, *stored], key=lambda one: one.number, default=None)

    def _sign_what_is_new(self, now: datetime) -> str:
        """Sign the new entries; returns what is wrong with the trail (then nothing is signed), empty if all is well."""
        newest = self._newest
        seq, count, head = (0, 0, GENESIS) if newest is None else (newest.seq, newest.count, newest.head)
        if newest is not None:
            there = self._page(newest.seq - 1, 1)
            if not there or (there[0].seq, there[0].hash) != (newest.seq, newest.head):
                return f"entry {newest.seq}, signed at {newest.at}, is not there as it was signed"
        for _ in range(_PAGES_AT_ONCE):
            page = self._page(seq, _PAGE)
            broken = broken_link(page, head)
            if broken is not None:
                return f"the chain is broken at entry {broken.seq}"
            if page:
                seq, count, head = page[-1].seq, count + len(page), page[-1].hash
            if len(page) < _PAGE:
                break
        if count and (newest is None or seq != newest.seq):
            self._keep(self._key.sign(following(newest, seq, count, head, now)))
        return ""

    def _page(self, after: int, limit: int) -> Sequence[AuditEntry]:
        return self._store.read(lambda reader: reader.audit(after=after, limit=limit))

    def _keep(self, checkpoint: Checkpoint) -> None:
        """Write the file first: a checkpoint that only the store has could be restored together with the trail."""
        self._file.append(checkpoint, self._key.public)
        self._newest = checkpoint
        self._store.write(lambda writer: writer.put_value(STORED_AS, asdict(checkpoint)))
        for send in self._others:
            try:
                send(checkpoint)
            except (OSError, DeliveryFailed) as error:
                log.warning("checkpoint %d of the audit trail was not sent: %s", checkpoint.number, error)

    def _tell(self, wrong: str, now: datetime) -> None:
        if bool(wrong) == self._alarmed:
            return
        self._alarmed = bool(wrong)
        told = self._store.read(lambda reader: reader.open_alert(ALARM)) is not None
        if wrong and not told:
            raised = Raised(ALARM, KIND, Priority.P2, now, now, label=wrong[:200])
            self._store.write(lambda writer: raise_alert(writer, raised, None, now, self._settings))
        elif told and not wrong:
            self._store.write(lambda writer: end_alert(writer, Ended(ALARM, now, now), now, self._settings))


def _others(settings: Settings) -> Sequence[Callable[[Checkpoint], None]]:
    """The senders of checkpoints to other machines, by the settings."""
    senders: list[Callable[[Checkpoint], None]] = []
    if settings.audit.syslog:
        senders.append(_Syslog(settings.audit.syslog))
    if settings.audit.webhook:
        url = settings.audit.webhook
        senders.append(lambda checkpoint: _post(url, checkpoint))
    return senders


def _post(url: str, checkpoint: Checkpoint) -> None:
    request("POST", url, timeout_s=_SEND_WITHIN_S, body=asdict(checkpoint))


class _Syslog:
    """Sends a checkpoint to a syslog server by UDP (RFC 3164), facility `authpriv`."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host.strip("[]"), int(port))

    def __call__(self, checkpoint: Checkpoint) -> None:
        priority = logging.handlers.SysLogHandler.LOG_AUTHPRIV << 3 | logging.handlers.SysLogHandler.LOG_NOTICE
        text = f"<{priority}>yiping: audit checkpoint {checkpoint.as_line()}".encode()
        found = socket.getaddrinfo(*self._address, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as sender:
            sender.sendto(text, address)
