"""The same Idempotency-Key a thousand times over sixteen threads makes one object."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.web.city import Running

KEY = "the-same-key-a-thousand-times"
BODY = {"kind": "other", "location": {"lon": 106.61, "lat": 29.61}, "description": "井盖缺了"}


def test_one_key_sent_a_thousand_times_over_16_threads_makes_one_event(running: Running) -> None:
    before = len(running.store.read(lambda reader: reader.events(limit=1000)))
    token = running.token("li")

    def send(_number: int) -> list[tuple[int, int, bool]]:
        answers = []
        with running.client("li") as client:
            client.headers["Authorization"] = f"Bearer {token}"
            for _ in range(63):
                answer = client.post("/api/v1/events", json=BODY, headers={"Idempotency-Key": KEY}, timeout=120)
                replayed = "Idempotency-Replayed" in answer.headers
                answers.append((answer.status_code, answer.json()["event"]["id"], replayed))
        return answers

    with ThreadPoolExecutor(16) as pool:
        answers = [one for part in pool.map(send, range(16)) for one in part]
    assert len(answers) == 1008
    assert {status for status, _, _ in answers} == {200}
    assert len({number for _, number, _ in answers}) == 1
    assert sum(not replayed for _, _, replayed in answers) == 1
    assert len(running.store.read(lambda reader: reader.events(limit=1000))) == before + 1
