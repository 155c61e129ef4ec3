import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.figures import Figures
from app.measured import measured
from app.metrics import PrometheusMeters
from model.errors import CatalogError
from tests.builders import fake_parts, index, picture, running, search, settings_for
from tests.fakes import FakeMeters

NOTHING = Figures(n_items=None, indexes={}, pools=(), cache_is_up=True, uptime_s=0.0)


def samples(client):
    """Returns every value by name and labels."""
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *sorted(one.labels.items())): one.value for family in families for one in family.samples}


def test_free_space_is_told_where_the_folder_lies_on_a_disk(client):
    assert samples(client)["bitlens_disk_free_bytes",] > 0


def test_requests_are_counted_by_route_method_and_status(client):
    index(client, {"id": "a", "text": "x"})
    for item_id in ("a", "b", "a%2Fimage"):
        client.get(f"/index/{item_id}")
    client.request("BREW", "/livez")
    found = {key[1:]: value for key, value in samples(client).items() if key[0] == "bitlens_request_seconds_count"}
    item = ("route", "/index/{item_id:path}")
    assert found[("method", "GET"), item, ("status", "200")] == 1
    assert found[("method", "GET"), item, ("status", "404")] == 2
    assert found[("method", "other"), ("route", "/livez"), ("status", "405")] == 1


def test_every_stage_is_timed(client):
    index(client, {"id": "a", "text": "x", "image": "f"}, pictures={"f": picture("x")})
    search(client, "x")
    found = samples(client)
    stages = ("decode", "prepare", "forward", "cache", "search", "catalogue_read", "catalogue_write")
    assert [stage for stage in stages if not found["bitlens_stage_seconds_count", ("stage", stage)]] == []


def test_what_the_cache_answers_is_counted(parts, client):
    search(client, "x")
    search(client, "x")
    parts.cache.available = False
    search(client, "y")
    found = {key[1][1]: value for key, value in samples(client).items() if key[0] == "bitlens_cache_lookups_total"}
    assert found == {"found": 1, "missing": 1, "unavailable": 1}
    assert samples(client)["bitlens_cache_available",] == 0


def test_forward_passes_are_counted_by_how_many_inputs_share_them(client):
    index(client, *({"id": str(n), "text": str(n)} for n in range(3)))
    found = samples(client)
    text = ("modality", "text")
    assert (found["bitlens_batch_size_count", text], found["bitlens_batch_size_sum", text]) == (1, 3)
    assert found["bitlens_coalesced_total",] == 0


def test_the_distance_of_the_first_hit_is_counted_once_a_search_and_not_for_later_pages(client):
    index(client, *({"id": str(n), "text": "x"} for n in range(3)))
    page = search(client, "x", target="text", k=1)
    search(client, "x", target="text", k=1, cursor=page["next_cursor"])
    found = samples(client)
    assert found["bitlens_nearest_distance_count", ("target", "text")] == 1
    assert found["bitlens_nearest_distance_bucket", ("le", "0.0"), ("target", "text")] == 1


def test_sizes_and_queues_are_told(client):
    index(client, {"id": "a", "text": "x"}, {"id": "b", "text": "y"})
    found = samples(client)
    assert found["bitlens_items",] == 2
    assert found["bitlens_index_codes", ("modality", "text")] == 2
    assert found["bitlens_index_bytes", ("modality", "text")] == 2 * (8 + 8)
    assert found["bitlens_index_codes", ("modality", "image")] == 0
    assert [found[f"bitlens_pool_{what}", ("pool", "writing")] for what in ("waiting", "running", "refused_total")] == [0, 0, 0]
    assert found["process_resident_memory_bytes",] > 1e6
    assert ("bitlens_snapshot_age_seconds",) not in found


def test_figures_are_told_while_the_catalogue_is_away(tmp_path):
    parts = fake_parts(tmp_path)

    def away():
        raise CatalogError("away")

    with running(parts, settings_for(tmp_path)) as client:
        parts.catalog.count = away
        assert ("bitlens_items",) not in samples(client)


def test_time_in_an_inner_stage_counts_for_that_one_only():
    now = iter([0.0, 1.0, 4.0, 6.0])
    meters = PrometheusMeters(clock=lambda: next(now))
    with meters.stage("decode"), meters.stage("prepare"):
        pass
    text = meters.render(NOTHING).decode()
    assert re.search(r'seconds_sum\{stage="decode"\} 3.0', text)
    assert re.search(r'seconds_sum\{stage="prepare"\} 3.0', text)


def test_a_failing_stage_is_timed_and_its_error_passed_on(tmp_path):
    parts = fake_parts(tmp_path)
    meters = FakeMeters()
    parts.catalog.failing = True
    with pytest.raises(CatalogError):
        measured(parts, meters).catalog.delete_many(["a"])
    assert meters.stages == ["catalogue_write"]
