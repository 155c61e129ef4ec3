import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.footprint import cache_bytes
from bench.performance_page import read_results
from bench.result import Result
from bench.sizing import NEEDED, constants, main, read_mix
from bench.sizing_page import EXAMPLES, ITEMS, page
from bench.sizing_rules import GIB, MIB, Asked, Constants, cores, cpu_us, disk_gib, memory_mib, pods, start_s
from model.errors import ConfigError
from tests.manifests import serving

PAGE = Path(__file__).resolve().parents[3] / "docs" / "sizing.md"
KNOWN = Constants(
    process_mib=500,
    compiling_mib=100,
    index_bytes={16: 25, 64: 70, 128: 200},
    cached_code_bytes=200,
    kept_item_bytes=1000,
    catalogue_bytes=600,
    snapshot_bytes={16: 10, 64: 16, 128: 24},
    picture_bytes_beyond=500,
    cpu_us={"cached text": 200, "new text": 4000, "new image": 14000},
    most_a_second={"cached text": 5000, "new text": 250, "new image": 100},
    at_items=1_000_000,
    search_us=100,
    exponent=0.15,
    start_s=2,
    snapshot_s=0.2,
    catalogue_s=8,
    compiling_s=18,
)


def test_memory_is_the_process_its_caches_and_every_items_two_codes():
    caches = 500 + 100 + (100_000 * 200 + 20_000 * 1000) / MIB
    for n_items, n_bits, a_code in ((1_000_000, 64, 70), (10_000_000, 128, 200), (100_000_000, 16, 25)):
        each = sum((a_code + a_code) / MIB for _ in range(1000)) * n_items / 1000
        assert memory_mib(KNOWN, Asked(n_items, n_bits)) == pytest.approx(caches + each)


def test_no_more_items_are_kept_than_there_are():
    few, many = (memory_mib(KNOWN, Asked(0, kept_items=n, cache_entries=0)) for n in (0, 1000))
    assert few == many == 600


def test_disk_is_the_catalogue_two_snapshots_and_pictures():
    assert disk_gib(KNOWN, Asked(1_000_000)) == pytest.approx(1e6 * (600 + 2 * (16 + 16)) / GIB)
    assert disk_gib(KNOWN, Asked(1_000_000, 16)) == pytest.approx(1e6 * (600 - 2 * 6 + 2 * (10 + 10)) / GIB)
    assert disk_gib(KNOWN, Asked(1_000_000, picture_bytes=1500)) == pytest.approx(1e6 * (600 + 64 + 2000) / GIB)


def test_a_search_among_more_codes_takes_longer_and_nothing_else_does():
    assert [cpu_us(KNOWN, "cached text", n) for n in (1000, 1_000_000)] == [200, 200]
    assert cpu_us(KNOWN, "new text", 10_000_000) == pytest.approx(4000 - 100 + 100 * 10**0.15)


def test_cores_are_processor_time_by_what_a_core_is_planned_to_do():
    asked = Asked(1_000_000, rates={"cached text": 1000, "new image": 10}, busy=0.5)
    assert cores(KNOWN, asked) == pytest.approx((1000 * 200e-6 + 10 * 14000e-6) / 0.5)
    assert cores(KNOWN, Asked(1)) == 0


def test_processes_are_as_many_as_the_rates_fill():
    def needed(**rates):
        return pods(KNOWN, Asked(1_000_000, rates={kind.replace("_", " "): rate for kind, rate in rates.items()}, busy=0.5))

    assert [needed(), needed(cached_text=2500), needed(cached_text=2501)] == [1, 1, 2]
    assert needed(new_text=125, new_image=50) == 2
    assert pods(KNOWN, Asked(100_000_000, rates={"cached text": 2500}, busy=0.5)) == 2  # each search is longer


def test_a_start_without_a_snapshot_reads_the_catalogue():
    assert (start_s(KNOWN, 10_000_000, has_snapshot=True), start_s(KNOWN, 10_000_000, has_snapshot=False)) == (4, 82)
    assert start_s(KNOWN, 10_000_000, has_snapshot=False, is_first=True) == 100


def test_a_mix_names_kinds_and_shares():
    assert read_mix("cached-text=80,new-image=20") == {"cached text": 80, "new image": 20}
    for wrong in ("cached-text=80,video=20", "cached-text=0", "cached-text=x", ""):
        with pytest.raises(ValueError, match=r"cached-text|could not convert"):
            read_mix(wrong)


# --- from results to the page ---


def spread(value):
    return {"value": value, "low": value, "high": value, "n": 1}


def script(name, rows, **settings):
    return {"schema": 1, "name": name, "rows": rows, "settings": settings}


@pytest.fixture
def results(tmp_path):
    held = [{"table": "Index, bytes a code", "n_bits": n, "auto": a} for n, a in ((16, 25), (64, 20), (64, 70), (128, 200))]
    held += [{"table": "Snapshot, bytes a code", "n_bits": n, "bytes": b} for n, b in ((16, 10), (64, 16), (128, 24))]
    held += [{"table": "Caches, bytes an entry", "entry": e, "bytes": b} for e, b in (("code cache", 200), ("kept items", 1000))]
    stored = {"table": "On disk, bytes an item", "pictures_beyond_their_bytes": 500}
    held += [{**stored, "catalogue": 400}, {**stored, "catalogue": 600}]
    service = {"table": "The service", "index_MiB": 0, "after_load_MiB": 450, "of_the_processor": 2}
    more = {"items": 1_000_000, "index_MiB": 50, "after_load_MiB": 550, "of_the_processor": 10}
    held += [{**service, "items": 0}, {**service, **more}]
    asked = [
        {
            "table": kind.capitalize(),
            "server": server,
            "connections": n,
            "CPU_μs_a_request": spread(cpu),
            "requests_a_second": spread(most),
        }
        for kind, cpu, most in (("cached text", 200, 5000), ("new text", 4000, 250), ("new image", 14000, 100))
        for server, n in (("bitlens", 8), ("bitlens", 1), ("plain service", 8))
    ]
    asked = [{**row, "requests_a_second": spread(1)} if row["connections"] == 1 else row for row in asked]
    found = [
        {"table": f"{n:,} clustered codes of 64 bits", "index": index, "one_query_µs": spread(value)}
        for n, value in ((1_000_000, 100), (10_000_000, 100 * 10**0.15))
        for index, value in (("faiss flat", 9), ("bitlens auto (multi)", value))
    ]
    begun = [
        {"table": "From exec to ready", "items": n, "seconds": spread(s), "memory_MiB": spread(550 + n // 50_000)}
        for n, s in ((0, 2), (10**5, 2.1), (10**7, 3))
    ]
    first = [
        {"table": "Start without a snapshot", "ready_MiB": spread(mib), "of_the_processor": spread(s)}
        for mib, s in ((600, 21), (500, 3))
    ]
    for each in (
        script("footprint", held),
        script("first_start", first),
        script("serve", asked, n_items=1_000_000),
        script("search", found),
        script("startup", begun),
    ):
        (tmp_path / f"{each['name']}.json").write_text(json.dumps(each))
    return tmp_path


def test_constants_come_from_the_results(results):
    known = constants(read_results(results, NEEDED))
    assert replace(known, exponent=0.15, snapshot_s=0.2) == KNOWN
    assert (known.exponent, known.snapshot_s) == pytest.approx((0.15, 0.2))


def test_a_figure_that_is_not_there_is_told(results):
    whole = json.loads((results / "search.json").read_text())
    (results / "search.json").write_text(json.dumps({**whole, "rows": whole["rows"][:2]}))
    with pytest.raises(ConfigError, match="10,000,000 clustered"):
        constants(read_results(results, NEEDED))


def test_the_command_puts_the_tables_into_the_page(results, tmp_path, capsys):
    document = tmp_path / "sizing.md"
    document.write_text("# Sizing\n<!-- sizing: begin -->\nold\n<!-- sizing: end -->\n")
    assert main(["--out", str(results), "--write", str(document)]) == 0
    assert capsys.readouterr().out.strip() in document.read_text()
    assert "| 1,000,000 | 64 | 0.754 |" in document.read_text()
    assert "old" not in document.read_text()


def test_nothing_is_measured_where_all_results_are_there(results):
    assert {path.stem for path in results.glob("*.json")} == set(NEEDED)


def numbers(text, table):
    lines = text.partition(f"## {table}\n")[2].partition("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return rows[1:]


def shown_constants(text):
    value = {(what, unit): float(number.replace(",", "")) for what, unit, number, _ in numbers(text, "Measured")}
    kinds = ("cached text", "new text", "new image")
    at = re.search(r"one search among ([\d,]+) codes", text)[1]
    bits = {
        what: {n: value[f"a code of {n} bits in {what}", "bytes"] for n in (16, 64, 128)} for what in ("memory", "the snapshot")
    }
    return Constants(
        process_mib=value["process after load, without its index", "MiB"],
        compiling_mib=value["the same, more where the searches were compiled at its start", "MiB"],
        index_bytes=bits["memory"],
        cached_code_bytes=value["an entry of the code cache", "bytes"],
        kept_item_bytes=value["an item kept in front of the catalogue", "bytes"],
        catalogue_bytes=value["an item in the catalogue, two codes of 64 bits", "bytes"],
        snapshot_bytes=bits["the snapshot"],
        picture_bytes_beyond=value["a picture on disk beyond its bytes", "bytes"],
        cpu_us={kind: value[f"{kind}, processor time, {at} items, 8 connections", "µs"] for kind in kinds},
        most_a_second={kind: value[f"{kind}, most of one process", "a second"] for kind in kinds},
        at_items=int(at.replace(",", "")),
        search_us=value[f"one search among {at} codes", "µs"],
        exponent=value["growth of that with the number of codes", "exponent"],
        start_s=value["from exec to ready, empty", "s"],
        snapshot_s=value["the same, more for a million items with a snapshot", "s"],
        catalogue_s=value["the same, more for a million items without one", "s"],
        compiling_s=value["the same, more where nothing was compiled before", "s"],
    )


def test_the_pages_tables_follow_from_the_constants_that_it_shows():
    text = PAGE.read_text(encoding="utf-8")
    known = shown_constants(text)
    again = page(known, (), read_mix("cached-text=80,new-text=15,new-image=5"), picture_bytes=100_000, busy=0.6)
    for table, n_rows in (("By items", len(ITEMS) * 3), ("By requests", len(ITEMS) * 3), ("Example", len(EXAMPLES))):
        shown, computed = numbers(text, table), numbers(again, table)
        assert len(shown) == len(computed) == n_rows
        for row, other in zip(shown, computed, strict=True):
            for cell, expected in zip(row, other, strict=True):
                if expected.replace(",", "").replace(".", "").isdigit():
                    assert float(cell.replace(",", "")) == pytest.approx(float(expected.replace(",", "")), rel=0.02)


def test_the_manifests_give_pods_what_the_page_computes():
    known, unit = shown_constants(PAGE.read_text(encoding="utf-8")), {"Mi": MIB, "Gi": GIB}
    for build, n_items in (("base", 1_000_000), ("overlays/readers", 10_000_000), ("overlays/example", 10_000_000)):
        for _, container in serving(build):
            given = {kind: container["resources"][kind]["memory"] for kind in ("requests", "limits")}
            has = {kind: int(amount[:-2]) * unit[amount[-2:]] for kind, amount in given.items()}
            decoding = 3 * 64_000_000  # bytes of all pictures that are decoded at once
            assert memory_mib(known, Asked(n_items)) * MIB + decoding < has["requests"] < has["limits"]
            probe = container["startupProbe"]
            assert (
                start_s(known, 100_000_000, has_snapshot=False, is_first=True) < probe["periodSeconds"] * probe["failureThreshold"]
            )


def test_what_caches_hold_is_more_than_what_is_put_in():
    result = Result("footprint", "What a service holds", {})
    cache_bytes(result, 300)
    found = {row["entry"]: row["bytes"] for row in result.rows}
    assert found["code cache"] > 64 + 8  # a digest's digits and a code
    assert found["kept items"] > 100
