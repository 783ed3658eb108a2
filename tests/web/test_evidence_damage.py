"""A picture that was changed on the disk is not served, and its damage is an alarm, once."""

from __future__ import annotations

from datetime import UTC, datetime

from data.ports.store import AlertQuery
from tests.web.city import Running


def test_a_changed_picture_is_refused_named_and_an_alarm(running: Running) -> None:
    at = datetime.now(UTC)
    kept = running.deps.vault.keep(b"\xff\xd8 the quay at night", "image/jpeg", at, "quay")
    running.store.write(lambda writer: writer.add_evidence(kept))
    with running.client("zhao") as client:
        assert client.get(f"/media/evidence/{kept.id}").status_code == 200
        (running.deps.var_dir / "evidence" / kept.path).write_bytes(b"\xff\xd8 the quay at noon!")
        for _ in range(2):
            refused = client.get(f"/media/evidence/{kept.id}")
            assert refused.status_code == 404
            assert "was changed on the disk" in refused.text
    query = AlertQuery(site="centre", of=("damage",))
    (alarm,) = running.store.read(lambda reader: reader.alerts(query))
    assert (alarm.label, alarm.acknowledged_at) == (kept.path, None)
