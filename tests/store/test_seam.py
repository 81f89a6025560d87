"""The contract of the seam, on both databases."""

from __future__ import annotations

import asyncio
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from orion import errors
from orion.model.times import to_micros
from orion.store import Conn, Lane, Store, open_store

NOW = datetime(2026, 11, 23, 4, 30, 0, 123456, tzinfo=UTC)


def put(conn: Conn, name: str, value: str = "x") -> str:
    conn.run(
        "INSERT INTO setting (name, value, updated) VALUES (:name, :value, :now)",
        {"name": name, "value": value, "now": conn.time(NOW)},
    )
    return name


def value(conn: Conn, name: str) -> str | None:
    row = conn.one("SELECT value FROM setting WHERE name = :name", {"name": name})
    return row and row[0]


def names(conn: Conn) -> list[str]:
    return [name for (name,) in conn.all("SELECT name FROM setting ORDER BY name")]


def test_a_write_is_answered_with_its_result_and_can_be_read(store: Store) -> None:
    assert store.write_now(put, "a", "1") == "a"
    assert store.read_now(value, "a") == "1"
    assert store.read_now(value, "b") is None


def test_the_event_loop_waits_for_reads_and_writes(store: Store) -> None:
    async def both() -> tuple[str, str | None]:
        return await store.write(put, "a", value="1"), await store.read(value, "a")

    assert asyncio.run(both()) == ("a", "1")


def test_run_tells_how_many_rows_changed(store: Store) -> None:
    store.write_now(put, "a")
    store.write_now(put, "b")
    assert store.write_now(lambda conn: conn.run("UPDATE setting SET value = 'y'")) == 2
    assert store.write_now(lambda conn: conn.run("DELETE FROM setting WHERE name = 'c'")) == 0


def test_a_time_is_told_in_microseconds_exactly_however_far_it_is(store: Store) -> None:
    """Also where a float would be off by one."""
    years = (1, 1899, 1900, 1969, 1999, 2026, 2038, 2099, 2100, 2107, 2300, 8999)
    moments = [datetime(year, 12, 31, 23, 59, 59, 999_999 - year, tzinfo=UTC) for year in years]

    def told(conn: Conn, moment: datetime) -> Any:
        row = conn.one("SELECT {micros:at} FROM (SELECT :at AS at) AS one", {"at": conn.time(moment)})
        return row and row[0]

    assert [store.read_now(told, moment) for moment in moments] == [to_micros(each) for each in moments]


def test_many_executes_once_for_each_row(store: Store) -> None:
    rows = [{"name": str(n), "now": n} for n in range(3)]

    def fill(conn: Conn) -> None:
        rows_ = [{**row, "now": conn.time(NOW)} for row in rows]
        conn.many("INSERT INTO setting (name, value, updated) VALUES (:name, '', :now)", rows_)

    store.write_now(fill)
    assert store.read_now(names) == ["0", "1", "2"]


def test_a_failing_write_leaves_nothing(store: Store) -> None:
    def half(conn: Conn) -> None:
        put(conn, "a")
        raise KeyError("half way")

    with pytest.raises(KeyError, match="half way"):
        store.write_now(half)
    assert store.read_now(names) == []


@pytest.mark.row("DB-11")
def test_a_taken_key_is_a_conflict(store: Store) -> None:
    store.write_now(put, "a")
    with pytest.raises(errors.Conflict):
        store.write_now(put, "a")


def test_a_missing_reference_is_a_conflict(store: Store) -> None:
    def orphan(conn: Conn) -> None:
        conn.run("INSERT INTO flow_tag (flow_id, tag) VALUES ('nobody', 'x')")

    with pytest.raises(errors.Conflict):
        store.write_now(orphan)


@pytest.mark.parametrize("bad", ["half \ud800 pair", 2**80])
def test_values_that_cannot_be_kept_are_the_callers_fault(store: Store, bad: object) -> None:
    def ask(conn: Conn) -> None:
        conn.all("SELECT * FROM concurrency_limit WHERE slot_limit = CAST(:bad AS BIGINT)", {"bad": bad})

    with pytest.raises(errors.Invalid):
        store.read_now(ask)
    assert store.read_now(names) == []


def test_a_reader_cannot_write_to_sqlite(sqlite_store: Store) -> None:
    with pytest.raises(errors.Busy):
        sqlite_store.read_now(put, "a")
    assert sqlite_store.read_now(names) == []


def test_times_keep_their_microseconds(store: Store) -> None:
    def updated(conn: Conn) -> datetime | None:
        row = conn.one("SELECT updated FROM setting WHERE name = 'a'")
        return row and conn.when(row[0])

    store.write_now(put, "a")
    assert store.read_now(updated) == NOW
    assert store.read_now(lambda conn: (conn.time(None), conn.when(None))) == (None, None)


def test_the_words_that_differ_mean_the_same(store: Store) -> None:
    def ask(conn: Conn) -> list[object]:
        listed = "SELECT name FROM setting WHERE name IN {listed:names} ORDER BY name"
        like = "SELECT name FROM setting WHERE name {like} :part"
        micros = "SELECT {micros:updated} FROM setting WHERE name = 'Abc' {for_update}"
        return [
            conn.all(listed, {"names": '["Abc", "nobody", "x%y"]'}),
            conn.all(like, {"part": "%B%"}),
            conn.all(micros),
            conn.all("SELECT name, ':a %' FROM setting WHERE name LIKE 'x%'"),
            conn.one("SELECT SUM(CAST(5 AS BIGINT))"),
        ]

    store.write_now(put, "Abc")
    store.write_now(put, "x%y")
    micros = int(NOW.timestamp()) * 1_000_000 + NOW.microsecond
    assert store.write_now(ask) == [[("Abc",), ("x%y",)], [("Abc",)], [(micros,)], [("x%y", ":a %")], (5,)]


def test_text_sorts_by_its_bytes_on_both(store: Store) -> None:
    for name in ("b", "B", "a-1", "a1", "ä"):
        store.write_now(put, name)
    assert store.read_now(names) == ["B", "a-1", "a1", "b", "ä"]


def test_every_lane_is_served(store: Store) -> None:
    for lane in Lane:
        assert store.write_now(put, lane.name, lane=lane) == lane.name
    assert store.read_now(names) == ["LOG", "LOW", "STATE"]


def test_a_relaxed_write_is_there_for_the_next_reader(store: Store) -> None:
    store.write_now(put, "a", durable=False)
    assert store.read_now(names) == ["a"]


def test_threads_and_tasks_write_at_once_and_all_is_kept(store: Store) -> None:
    threads = [threading.Thread(target=store.write_now, args=(put, f"thread {n}")) for n in range(8)]

    async def tasks() -> None:
        await asyncio.gather(*[store.write(put, f"task {n}") for n in range(32)])

    for thread in threads:
        thread.start()
    asyncio.run(tasks())
    for thread in threads:
        thread.join()
    assert len(store.read_now(names)) == 40


def test_an_answer_nobody_waits_for_any_more_disturbs_nobody(store: Store) -> None:
    async def give_up() -> str:
        task = asyncio.create_task(store.write(put, "a"))
        await asyncio.sleep(0)
        task.cancel()
        return await store.write(put, "b")

    assert asyncio.run(give_up()) == "b"
    assert "b" in store.read_now(names)


def test_counters_follow_inserts_and_deletes_by_cascade(store: Store) -> None:
    def runs(conn: Conn) -> None:
        now = conn.time(NOW)
        conn.run("INSERT INTO flow (id, created, updated, name) VALUES ('f', :now, :now, 'f')", {"now": now})
        sql = "INSERT INTO flow_run (id, created, updated, name, flow_id) VALUES (:id, :now, :now, 'r', 'f')"
        conn.many(sql, [{"id": str(n), "now": now} for n in range(3)])

    def count(conn: Conn) -> int:
        row = conn.one("SELECT COALESCE(SUM(n), 0) FROM counter WHERE name = 'flow_run'")
        assert row is not None
        return int(row[0])

    store.write_now(runs)
    assert store.read_now(count) == 3
    store.write_now(lambda conn: conn.run("DELETE FROM flow_run WHERE id = '1'"))
    assert store.read_now(count) == 2
    store.write_now(lambda conn: conn.run("DELETE FROM flow"))
    assert store.read_now(count) == 0


def test_a_glance_reads_and_fails_like_a_read(store: Store) -> None:
    async def glance() -> list[str | None]:
        await store.write(put, "a", "1")
        return [await store.glance(value, "a"), await store.glance(value, "b")]

    def fail(conn: Conn) -> None:
        raise KeyError("no")

    assert asyncio.run(glance()) == ["1", None]
    with pytest.raises(KeyError):
        asyncio.run(store.glance(fail))


def test_a_glance_that_takes_long_becomes_a_read(sqlite_store: Store) -> None:
    seen: list[str] = []

    def look(conn: Conn) -> tuple[int]:
        seen.append(threading.current_thread().name)
        rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
        return conn.one(f"{rows} SELECT MAX(i) FROM n")  # type: ignore[return-value]

    assert asyncio.run(sqlite_store.glance(look)) == (1_000_000,)
    assert [name.partition("-")[0] for name in seen] == ["MainThread", "orion"]


def test_who_waits_too_long_hears_it_and_what_was_not_begun_is_not_done(database_url: str) -> None:
    store: Any = open_store(database_url)
    store.options = replace(store.options, busy=0.1, timeout=0.1)
    begun, go = threading.Semaphore(0), threading.Event()

    def slow(conn: Conn, name: str) -> str:
        begun.release()
        assert go.wait(60)
        return put(conn, name)

    async def scene() -> list[object]:
        ahead = [asyncio.ensure_future(store.write(slow, name)) for name in "abc"]
        await asyncio.to_thread(begun.acquire, timeout=60)
        answers = await asyncio.gather(*ahead, store.write(put, "behind"), return_exceptions=True)
        go.set()
        return list(answers)

    answers = asyncio.run(scene())
    assert [type(answer) for answer in answers] == [errors.Busy] * 4
    assert "does not answer" in str(answers[-1])
    store.close()
    with closing(open_store(database_url)) as again:
        done = again.read_now(names)
    assert done and "behind" not in done
