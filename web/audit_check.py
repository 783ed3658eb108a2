"""Is the audit trail whole, and does what the store holds agree with it? Streams over the hash chain.

Checked are the chain, the signed checkpoints (in the store, in VAR/audit, and a copy from another machine where one is
given), the triggers, the pictures, clips and blocks of observations by their hash, and alerts, tasks, users, settings,
reports and handovers against what the trail says of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from data.config.document import digest
from data.errors import InputRejected, NotFound, RowDamaged
from data.local.checkpoint import (
    STORED_AS,
    Checkpoint,
    CheckpointFile,
    CheckpointKey,
    checkpoint_of,
    is_signed_by,
    read_checkpoints,
)
from data.local.observations import FOLDER, KEPT, block_name, block_subject, blocks, digests_told
from data.local.observations import digest as block_digest
from data.model.alert import Alert
from data.model.clip import Clip, ClipState
from data.model.handover import HandoverState, HandoverStep, handover_document
from data.model.people import Role, User
from data.model.record import GENESIS, AuditEntry, broken_link
from data.model.spans import EvidenceKey
from data.model.task import Task
from data.ports.store import AlertQuery, EvidenceVault, Store, TaskQuery

_PAGE = 2000
_EXPECTED = re.compile(r"(\d{1,18}):([0-9a-f]{64})")
_EVER = (datetime(1900, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC))
_MOST_TOLD = 20  # findings of one kind that are told one by one


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """How many entries hold, and the first one that does not. `last_hash`: note it elsewhere to notice a cut end."""

    entries: int
    broken: AuditEntry | None
    last_hash: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was checked. `findings`: what is wrong, in words; empty when all holds. `remarks`: what nobody can tell."""

    chain: AuditCheck
    checkpoints: int
    signed: int  # entries that the newest checkpoint covers
    pictures: int
    observed: int  # blocks of observations
    findings: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditExpectation:
    """What the checker knows from elsewhere.

    `mark`: number of entries and the hash of the last of them, noted earlier. `public_key`: hex, instead of the one in
    VAR. `copy`: a file of checkpoints that another machine has kept.
    """

    mark: tuple[int, str] | None = None
    public_key: str = ""
    copy: Path | None = None


def expected(text: str) -> tuple[int, str]:
    """`COUNT:HEAD` as `audit verify` prints it. Raises InputRejected."""
    found = _EXPECTED.fullmatch(text.strip().lower())
    if found is None:
        raise InputRejected(f"{text[:80]!r} is not COUNT:HEAD, a number of entries and 64 hexadecimal digits")
    return int(found[1]), found[2]


def verify_audit(store: Store) -> AuditCheck:
    """Recompute the whole chain. An entry that was changed, removed or put in breaks it."""
    return _walk(store, _Trail())


@dataclass(slots=True)
class _Trail:
    """What the trail says, gathered on the way over it."""

    marks: dict[int, str] = field(default_factory=dict)  # by count: the hash that is there; filled for `wanted`
    wanted: frozenset[int] = frozenset()
    actions: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # by subject: (action, actor)
    roles: dict[str, str] = field(default_factory=dict)  # by user name
    disabled: dict[str, bool] = field(default_factory=dict)
    photos: dict[int, str] = field(default_factory=dict)  # by task id
    clips: set[str] = field(default_factory=set)  # kept and not expired
    settings: dict[int, str] = field(default_factory=dict)  # by version: the hash of its document
    handovers: dict[int, str] = field(default_factory=dict)  # by number: the hash of what both have signed
    reviews: dict[tuple[int, int], str] = field(default_factory=dict)  # by review and version: of its document
    signed: dict[int, tuple[int, str]] = field(default_factory=dict)  # by review: the version signed, and its hash
    observed: dict[str, set[str]] = field(default_factory=dict)  # by block: its hash, or none once it has expired
    count: int = 0  # entries so far, and the last of them
    last_seq: int = 0
    last_hash: str = GENESIS

    def take(self, count: int, entry: AuditEntry) -> None:
        self.count, self.last_seq, self.last_hash = count, entry.seq, entry.hash
        if count in self.wanted:
            self.marks[count] = entry.hash
        topic, _, name = entry.subject.partition(":")
        if topic in {"alert", "task"}:
            self.actions.setdefault(entry.subject, set()).add((entry.action, entry.actor))
        if entry.action == "report" and topic == "task" and entry.detail.get("photo"):
            self.photos[int(name)] = str(entry.detail["photo"])
        if entry.action == "keep_clip":
            self.clips.add(str(entry.detail["sha256"]))
        if entry.action == "expire_clip":
            self.clips.discard(str(entry.detail["sha256"]))
        if topic == "observations":
            self.observed[name] = digests_told([entry])
        if name.isdecimal():
            self._take_signed(topic, int(name), entry)
        if topic == "user" and entry.action in {"add_user", "change_user"}:
            self.roles[name] = str(entry.detail.get("role"))
        if topic == "user" and entry.action in {"disable_user", "enable_user"}:
            self.disabled[name] = entry.action == "disable_user"

    def _take_signed(self, topic: str, number: int, entry: AuditEntry) -> None:
        """Hashes of what was saved or signed."""
        if topic == "handover" and entry.action == HandoverStep.TAKE:
            self.handovers[number] = str(entry.detail["sha256"])
        if topic == "settings":
            self.settings[number] = str(entry.detail.get("hash"))
        if topic == "review" and entry.action in {"save_review", "sign_review"}:
            version, sha256 = int(entry.detail["version"]), str(entry.detail["sha256"])
            if entry.action == "sign_review":
                self.signed[number] = (version, sha256)
            else:
                self.reviews[number, version] = sha256


def _walk(store: Store, trail: _Trail) -> AuditCheck:
    """From where the last walk ended, to the end."""
    while True:
        start = trail.last_seq
        page = store.read(lambda reader, start=start: reader.audit(after=start, limit=_PAGE))  # type: ignore[misc]
        broken = broken_link(page, trail.last_hash) if page else None
        if broken is not None:
            return AuditCheck(trail.count + page.index(broken), broken, trail.last_hash)
        if not page:
            return AuditCheck(trail.count, None, trail.last_hash)
        for number, entry in enumerate(page, start=trail.count + 1):
            trail.take(number, entry)


def full_check(
    store: Store, var_dir: Path, vault: EvidenceVault, expectation: AuditExpectation | None = None
) -> AuditReport:
    """Everything that this module's first lines name. Raises InputRejected for a bad key or copy, OSError."""
    expectation = expectation or AuditExpectation()
    findings: list[str] = []
    remarks: list[str] = []
    kept = _Checkpoints(store, var_dir, expectation, findings, remarks)
    wanted = {one.count for one in kept.all}
    if expectation.mark is not None:
        wanted.add(expectation.mark[0])
    trail = _Trail(wanted=frozenset(wanted))
    chain = _walk(store, trail)
    if expectation.mark is not None:
        count, head = expectation.mark
        findings += _held(trail, chain, count, head, f"as expected, entry {count}")
    for one in kept.all:
        findings += _held(trail, chain, one.count, one.head, f"checkpoint {one.number} of {one.at}")
    missing = store.read(lambda reader: reader.missing_audit_guards())
    findings += [f"trigger {name} is gone or was changed: the trail could be changed" for name in missing]
    pictures = _check_pictures(store, vault, trail, findings)
    clips = _check_clips(store, vault, findings)
    observed = _check_observations(store, var_dir / FOLDER, trail, findings)
    if chain.broken is None:
        chain = _check_rows(store, trail, findings)
    if chain.broken is not None:
        entry = chain.broken
        findings.insert(0, f"entry {entry.seq}: the chain is broken here ({entry.action} of {entry.subject})")
    signed = max((one.count for one in kept.all), default=0)
    return AuditReport(
        chain, len(kept.all), signed, pictures + clips, observed, tuple(_shortened(findings)), tuple(remarks)
    )


def _check_rows(store: Store, trail: _Trail, findings: list[str]) -> AuditCheck:
    """Do the rows agree with the trail? The chain as far as it goes by now.

    The system goes on meanwhile, and rows are read later than the trail. So where they differ the trail is followed to
    its present end and the rows are read once more: only a difference that is still there is a finding.
    """
    first = set(_differences(store, trail))
    chain = _walk(store, trail)
    if first:
        findings += [one for one in _differences(store, trail) if one in first]
    return chain


def _differences(store: Store, trail: _Trail) -> Iterator[str]:
    yield from _clip_differences(store, trail)
    yield from _alert_and_task_differences(store, trail)
    yield from _user_differences(store, trail)
    yield from _settings_differences(store, trail)
    yield from _review_differences(store, trail)
    yield from _handover_differences(store, trail)


def _held(trail: _Trail, chain: AuditCheck, count: int, head: str, what: str) -> Iterator[str]:
    """Is the entry at this place the one that was signed?"""
    if count == 0 and head == GENESIS:
        return
    there = trail.marks.get(count)
    if there is None and chain.broken is None:
        yield f"{what}: the trail has {chain.entries} entries, but had {count}: its end was cut off"
    elif there is not None and there != head:
        yield f"{what}: entry {count} is not the one that was signed: the trail was made anew"


class _Checkpoints:
    """The checkpoints that are rightly signed, from wherever they are kept; what is wrong with the others is found."""

    def __init__(
        self, store: Store, var_dir: Path, expectation: AuditExpectation, findings: list[str], remarks: list[str]
    ) -> None:
        self._findings = findings
        file = CheckpointFile(var_dir)
        in_file, damaged = file.read()
        findings += [f"{file.path}: line {number} is no checkpoint" for number in damaged]
        stored = self._stored(store)
        public_key = _public_key(var_dir, expectation, file)
        if not public_key:
            remarks.append("there is no key of checkpoints in VAR: nothing was ever signed here, or it was taken away")
        elif not in_file:
            findings.append(f"{file.path}: there is a key, but no checkpoint: the file was taken away")
        own = self._signed(in_file, public_key, str(file.path))
        self._one_after_the_other(own, str(file.path))
        self._agree(own, stored, str(file.path))
        in_copy: Sequence[Checkpoint] = ()
        if expectation.copy is not None:
            in_copy = self._signed(read_checkpoints(expectation.copy)[0], public_key, str(expectation.copy))
        in_store = self._signed([] if stored is None else [stored], public_key, "the store")
        self.all = tuple(dict.fromkeys((*own, *in_store, *in_copy)))

    def _stored(self, store: Store) -> Checkpoint | None:
        value = store.read(lambda reader: reader.value(STORED_AS))
        try:
            return None if value is None else checkpoint_of(value)
        except InputRejected as error:
            self._findings.append(f"the store: {error}")
            return None

    def _signed(self, found: Sequence[Checkpoint], public_key: str, where: str) -> Sequence[Checkpoint]:
        good = [one for one in found if public_key and is_signed_by(one, public_key)]
        if len(good) < len(found):
            self._findings.append(f"{where}: {len(found) - len(good)} checkpoints are not signed with our key")
        return good

    def _one_after_the_other(self, found: Sequence[Checkpoint], where: str) -> None:
        for before, one in pairwise(found):
            if one.previous != before.digest:
                self._findings.append(f"{where}: what stood before checkpoint {one.number} was taken away or changed")
                return
        if found and found[0].previous:
            self._findings.append(f"{where}: it does not begin with the first checkpoint")

    def _agree(self, in_file: Sequence[Checkpoint], stored: Checkpoint | None, where: str) -> None:
        """The file is written first, so that the store is behind by one at most; in a backup it may be ahead by one."""
        newest = in_file[-1] if in_file else None
        ahead = stored is not None and newest is not None and stored.previous == newest.digest
        if stored is not None and newest is not None and stored not in in_file and not ahead:
            self._findings.append(f"{where}: the store knows checkpoint {stored.number}, which is not in the file")
        if newest is not None and newest.number > 1 and (stored is None or stored.number < newest.number - 1):
            self._findings.append("the store has lost its newest checkpoint: an older state was put back")


def _public_key(var_dir: Path, expectation: AuditExpectation, file: CheckpointFile) -> str:
    if expectation.public_key:
        return expectation.public_key
    key = CheckpointKey(var_dir)
    if key.path.exists():
        return key.public
    return file.public_key_path.read_text(encoding="ascii").strip() if file.public_key_path.exists() else ""


def _check_pictures(store: Store, vault: EvidenceVault, trail: _Trail, findings: list[str]) -> int:
    """Every picture that the store knows is on the disk as it was kept; how many there are."""
    count, after = 0, None
    known: set[str] = set()
    while True:
        start = after
        page = store.read(
            lambda reader, start=start: reader.evidence_between(None, *_EVER, after=start, limit=_PAGE)  # type: ignore[misc]
        )
        for one in page:
            known.add(one.id)
            try:
                vault.open(one)
            except NotFound as error:
                findings.append(f"evidence {one.path}: {error}")
        count += len(page)
        if len(page) < _PAGE:
            break
        after = EvidenceKey(page[-1].at, page[-1].id)
    findings += [
        f"evidence: the picture {photo} of task {task} is not in the store any more"
        for task, photo in trail.photos.items()
        if photo not in known
    ]
    return count


def _check_clips(store: Store, vault: EvidenceVault, findings: list[str]) -> int:
    """Every clip that the store knows is on the disk as it was kept; how many there are."""
    count = 0
    for one in _kept_clips(store):
        count += 1
        try:
            vault.clip_file(one.sha256 or "", one.path)
        except NotFound as error:
            findings.append(f"clip {one.path}: {error}")
    return count


def _clip_differences(store: Store, trail: _Trail) -> Iterator[str]:
    """Every clip that the trail tells of is in the store, unless the trail tells that it expired, and no other."""
    known = {one.sha256 or "" for one in _kept_clips(store)}
    yield from (f"clip: {sha256} is not in the store any more" for sha256 in sorted(trail.clips - known))
    yield from (f"clip: the audit trail knows nothing of {sha256}" for sha256 in sorted(known - trail.clips))


def _kept_clips(store: Store) -> Iterator[Clip]:
    after = 0
    while True:
        start = after
        page = store.read(lambda reader, start=start: reader.clips_between(None, *_EVER, after_id=start, limit=_PAGE))  # type: ignore[misc]
        yield from (one for one in page if one.state is ClipState.READY)
        if len(page) < _PAGE:
            return
        after = page[-1].id


def _check_observations(store: Store, folder: Path, trail: _Trail, findings: list[str]) -> int:
    """Every block that the trail tells of is as it was kept, unless the trail tells that it expired; how many."""
    there = {block_name(folder, path): path for path in blocks(folder)}
    count = 0
    for name in sorted({*trail.observed, *there}):
        path = there.get(name)
        told = trail.observed.get(name, set())
        if path is not None and told:
            count += 1
            if block_digest(path) not in told:
                findings.append(f"observations {name} are not what was kept")
        elif told or (path is not None and path.suffix == f".{KEPT}" and name not in trail.observed):
            now_told = store.read(lambda reader, name=name: reader.audit(subject=block_subject(name)))  # type: ignore[misc]
            if told and digests_told(now_told[-1:]):
                findings.append(
                    f"observations {name} are not there any more, and the trail does not say that they expired"
                )
            elif not told and not now_told:
                findings.append(f"observations {name} are kept, but the trail knows nothing of them")
    return count


def _alert_and_task_differences(store: Store, trail: _Trail) -> Iterator[str]:
    unseen = set(trail.actions)
    for alert in _alerts(store):
        subject = f"alert:{alert.id}"
        unseen.discard(subject)
        yield from _alert_findings(alert, trail.actions.get(subject, set()))
    for task in _tasks(store):
        subject = f"task:{task.id}"
        unseen.discard(subject)
        yield from _task_findings(task, trail.actions.get(subject, set()), trail.photos)
    for subject in sorted(unseen):
        if not _is_there(store, subject):  # else made while this was running
            yield f"{subject} is in the trail, but not in the store any more"


def _is_there(store: Store, subject: str) -> bool:
    topic, _, number = subject.partition(":")
    try:
        store.read(lambda reader: reader.alert(int(number)) if topic == "alert" else reader.task(int(number)))
    except RowDamaged:
        return True
    except (NotFound, ValueError):
        return False
    return True


def _alerts(store: Store) -> Iterator[Alert]:
    before: int | None = None
    while True:
        query = AlertQuery(before_id=before, limit=_PAGE)
        page = store.read(lambda reader, query=query: reader.alerts(query))  # type: ignore[misc]
        yield from page
        if len(page) < _PAGE:
            return
        before = page[-1].id


def _tasks(store: Store) -> Iterator[Task]:
    before: int | None = None
    while True:
        query = TaskQuery(before_id=before, limit=_PAGE)
        page = store.read(lambda reader, query=query: reader.tasks(query))  # type: ignore[misc]
        yield from page
        if len(page) < _PAGE:
            return
        before = page[-1].id


def _alert_findings(alert: Alert, actions: set[tuple[str, str]]) -> Iterator[str]:
    if alert.acknowledged_by and ("acknowledge", alert.acknowledged_by) not in actions:
        yield f"alert {alert.id} is acknowledged by {alert.acknowledged_by}, but the trail does not say so"
    if alert.ended_at is not None and not {"end"} & {action for action, _ in actions}:
        yield f"alert {alert.id} has ended, but the trail does not say so"
    if not actions:
        yield f"alert {alert.id} is not in the trail"


def _task_findings(task: Task, actions: set[tuple[str, str]], photos: Mapping[int, str]) -> Iterator[str]:
    done = {action for action, _ in actions}
    if task.verified_by and ("verify", task.verified_by) not in actions:
        yield f"task {task.id} is verified by {task.verified_by}, but the trail does not say so"
    if task.closed_at is not None and "close" not in done:
        yield f"task {task.id} is closed, but the trail does not say so"
    if task.cancelled_at is not None and "cancel" not in done:
        yield f"task {task.id} is cancelled, but the trail does not say so"
    if task.accepted_at is not None and task.responder and ("accept", task.responder) not in actions:
        yield f"task {task.id} is accepted by {task.responder}, but the trail does not say so"
    if task.report_photo and photos.get(task.id) != task.report_photo:
        yield f"task {task.id} shows another picture than the trail says"


def _user_differences(store: Store, trail: _Trail) -> Iterator[str]:
    users = store.read(lambda reader: reader.users())
    for user in users:
        yield from _user_findings(user, trail)
    for name in sorted(trail.roles.keys() - {user.name for user in users}):
        yield f"user {name} is in the trail, but not in the store"


def _review_differences(store: Store, trail: _Trail) -> Iterator[str]:
    """Every saved version of a report is what was saved, and a signed report is signed as the trail says."""
    after, seen = 0, set[tuple[int, int]]()
    while page := store.read(lambda reader, after=after: reader.review_versions_after(after)):  # type: ignore[misc]
        after = page[-1].id
        for version in page:
            key = (version.review_id, version.number)
            seen.add(key)
            if digest(version.document) != trail.reviews.get(key):
                yield f"version {key[1]} of report {key[0]} is not what the trail says was saved"
    for number, last in sorted(set(trail.reviews) - seen):
        yield f"version {last} of report {number} is in the trail, but not in the store"
    for number, told in sorted(trail.signed.items()):
        try:
            review = store.read(lambda reader, n=number: reader.review(n))  # type: ignore[misc]
        except NotFound:
            yield f"report {number} is not there, or damaged"
            continue
        if (review.signed, review.sha256) != told:
            yield f"report {number} is not signed as the trail says"


def _handover_differences(store: Store, trail: _Trail) -> Iterator[str]:
    """Every handover that is signed by both is what they signed, by its row, its document and the trail."""
    seen, before = set[int](), None
    while page := store.read(lambda reader, before=before: reader.handovers(before_id=before, limit=_PAGE)):  # type: ignore[misc]
        before = page[-1].id
        for one in page:
            if one.state is not HandoverState.TAKEN:
                continue
            seen.add(one.id)
            document = handover_document(one)
            if document != one.document or digest(document) != one.digest or one.digest != trail.handovers.get(one.id):
                yield f"handover {one.id} is not what was signed"
    for number in sorted(set(trail.handovers) - seen):
        yield f"handover {number} is not there any more"


def _settings_differences(store: Store, trail: _Trail) -> Iterator[str]:
    """Every version of the settings is what was saved, and none was put in or taken out."""
    newest = store.read(lambda reader: reader.newest_settings())
    for number in range(1, newest + 1):
        try:
            version = store.read(lambda reader, n=number: reader.settings_version(n))  # type: ignore[misc]
        except NotFound:
            yield f"version {number} of the settings is not there, or damaged"
            continue
        if digest(version.document) != trail.settings.get(number):
            yield f"version {number} of the settings is not what the trail says was saved"
    for number in sorted(number for number in trail.settings if number > newest):
        yield f"version {number} of the settings is in the trail, but not in the store"


def _user_findings(user: User, trail: _Trail) -> Iterator[str]:
    role = trail.roles.get(user.name, Role.RESPONDER.value)  # those of config.yaml are made without an entry
    if user.role.value != role:
        yield f"user {user.name} has the role {user.role.value}, but the trail says {role}"
    if trail.disabled.get(user.name, False) != (user.disabled_at is not None):
        yield f"user {user.name} is {'' if user.disabled_at else 'not '}disabled, but the trail says otherwise"


def _shortened(findings: Sequence[str]) -> Iterator[str]:
    yield from findings[:_MOST_TOLD]
    if len(findings) > _MOST_TOLD:
        yield f"and {len(findings) - _MOST_TOLD} more"
