from app.announcement import announce, facts
from app.assembly import start_services
from tests.builders import fake_parts, logged_lines, settings_for


def started(folder, **given):
    return start_services(fake_parts(folder), settings_for(folder, **given))


def test_what_is_served_and_within_which_limits_is_told(tmp_path):
    told = facts(started(tmp_path, redis_url="redis://:hidden@cache:6379/0", keys="a:read:" + "0" * 64, max_k=7))
    assert list(told) == ["bundle", "items", "data", "cache", "limits", "keys"]
    assert told["bundle"].endswith("(fake-bundle), 64 bits")
    assert told["items"] == "0: 0 image codes, 0 text codes"
    assert told["cache"].startswith("redis://cache:6379/0, ")
    assert "k up to 7," in told["limits"]
    assert told["keys"] == "from BITLENS_KEYS"
    assert "hidden" not in str(told)


def test_a_service_without_keys_says_so(tmp_path):
    told = facts(started(tmp_path))
    assert told["keys"].startswith("none: open")
    assert told["cache"].startswith("in this process")


def test_machines_get_fields_and_readers_a_block(tmp_path):
    with logged_lines() as lines:
        announce(started(tmp_path, log_format="json"))
        announce(started(tmp_path))
    fields, block = [line for line in lines if line["logger"] == "app.announcement"]
    assert (fields["event"], fields["keys"][:4]) == ("starting", "none")
    assert [line.split()[0] for line in block["event"].splitlines()[1:]] == ["bundle", "items", "data", "cache", "limits", "keys"]
