"""Pictures by URL: from loopback servers that pass for public ones, by a resolver and a rule that are handed in."""

import dataclasses
import shutil
import ssl
import subprocess

import pytest

from app.fetch import ImageFetcher
from app.fetch_rules import UrlRules, is_public, read_hosts
from model.errors import ConfigError, ImageNotFetched, ImageTooLarge, ImageUrlRefused
from tests.builders import fake_parts, index, is_problem, picture, running, settings_for
from tests.picture_server import serving

CAT = picture("red cat")
HOST = "pictures.test"
LONG = 300_000


def found(content=CAT, **headers):
    return 200, headers, content


def moved(location):
    return 302, {"Location": location}, b""


async def loopback(host, port):
    return ["127.0.0.1"]


def fetcher_for(port, *, hosts=None, resolve=loopback, public=lambda address: True, timeout_s=10, **more):
    rules = UrlRules(frozenset(hosts or {f"{HOST}:{port}"}), allow_http=more.pop("allow_http", True))
    return ImageFetcher(rules, max_bytes=LONG, timeout_s=timeout_s, resolve=resolve, is_public=public, **more)


@pytest.fixture
def server():
    answers = {
        "/cat.png": found(),
        "/large": found(b"x" * (LONG + 1)),
        "/packed": found(b"x", **{"Content-Encoding": "gzip"}),
        "/error": (500, {}, b"secrets"),
        "/loop": moved("/loop"),
        "/moved": moved("/cat.png"),
    }
    with serving(answers) as server:
        yield server


@pytest.mark.anyio
async def test_a_picture_is_fetched_under_the_name_that_was_asked_for(server):
    assert await fetcher_for(server.port).fetch(f"http://{HOST}:{server.port}/cat.png#part") == CAT
    assert server.asked == [("/cat.png", f"{HOST}:{server.port}")]


@pytest.mark.anyio
async def test_a_redirect_is_followed(server):
    assert await fetcher_for(server.port).fetch(f"http://{HOST}:{server.port}/moved") == CAT


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "error", "told"),
    [
        ("large", ImageTooLarge, "more than 300000 bytes"),
        ("packed", ImageNotFetched, "packs its answer"),
        ("error", ImageNotFetched, "status 500"),
        ("none", ImageNotFetched, "status 404"),
        ("loop", ImageNotFetched, "more than 3 times"),
    ],
)
async def test_what_is_not_fetched(server, path, error, told):
    with pytest.raises(error, match=told):
        await fetcher_for(server.port).fetch(f"http://{HOST}:{server.port}/{path}")


@pytest.mark.anyio
async def test_a_host_that_never_answers_is_given_up(server):
    with pytest.raises(ImageNotFetched, match=r"within 0\.1 seconds"):
        await fetcher_for(server.port, timeout_s=0.1).fetch(f"http://{HOST}:{server.port}/stall")


@pytest.mark.anyio
async def test_a_host_that_does_not_listen_or_has_no_address_is_told_the_same():
    async def nowhere(host, port):
        raise OSError("no such name")

    for resolve in (loopback, nowhere):
        with pytest.raises(ImageNotFetched, match="does not answer as it should"):
            await fetcher_for(1, resolve=resolve).fetch(f"http://{HOST}:1/cat.png")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "location",
    [
        "http://elsewhere.test/cat.png",
        "http://127.0.0.1/",
        "file:///etc/passwd",
        "ftp://pictures.test/x",
        "https://pictures.test/x",
        "//[::1]/",
    ],
)
async def test_a_redirect_leads_nowhere_that_is_not_allowed(server, location):
    server.answers["/away"] = moved(location)
    with pytest.raises(ImageUrlRefused):
        await fetcher_for(server.port).fetch(f"http://{HOST}:{server.port}/away")
    assert [path for path, _ in server.asked] == ["/away"]


@pytest.mark.anyio
async def test_every_hop_is_resolved_and_judged_anew(server):
    judged = []

    def public_at_first(address):
        judged.append(address)
        return len(judged) == 1

    with pytest.raises(ImageUrlRefused, match="not on the public internet"):
        await fetcher_for(server.port, public=public_at_first).fetch(f"http://{HOST}:{server.port}/moved")
    assert [path for path, _ in server.asked] == ["/moved"]


@pytest.mark.anyio
async def test_a_name_is_resolved_once_and_its_second_answer_is_never_used(server):
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])

    async def rebinding(host, port):
        return next(answers)

    assert await fetcher_for(server.port, resolve=rebinding).fetch(f"http://{HOST}:{server.port}/cat.png") == CAT
    assert next(answers) == ["127.0.0.2"]


@pytest.mark.anyio
async def test_one_private_address_among_public_ones_is_enough_to_refuse(server):
    async def mixed(host, port):
        return ["8.8.8.8", "10.0.0.1"]

    with pytest.raises(ImageUrlRefused, match="not on the public internet"):
        await fetcher_for(server.port, resolve=mixed, public=is_public).fetch(f"http://{HOST}:{server.port}/cat.png")


@pytest.mark.anyio
@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificate with openssl")
async def test_the_certificate_must_be_the_names_though_the_connection_goes_to_an_address(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*made, *names], check=True, capture_output=True)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    seen = []
    own.sni_callback = lambda _socket, name, _context: seen.append(name)
    trusted = ssl.create_default_context(cafile=str(certificate))
    with serving({"/cat.png": found()}, tls=own) as server:
        hosts = {f"{HOST}:{server.port}", f"other.test:{server.port}"}
        fetcher = fetcher_for(server.port, hosts=hosts, allow_http=False, trusted=trusted)
        assert await fetcher.fetch(f"https://{HOST}:{server.port}/cat.png") == CAT
        assert seen == [HOST]
        with pytest.raises(ImageNotFetched):
            await fetcher.fetch(f"https://other.test:{server.port}/cat.png")


PRIVATE = """
127.0.0.1 127.9.9.9 ::1 0.0.0.0 :: 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254
100.64.0.1 224.0.0.1 ff02::1 240.0.0.1 255.255.255.255 192.0.2.1 198.18.0.1 203.0.113.7 ::ffff:127.0.0.1 ::ffff:10.0.0.1
::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b:1::a00:1 2002:7f00:1:: 2001:0:1::1 2001:db8::1 ::127.0.0.1 localhost 0x7f.1
"""


@pytest.mark.parametrize("address", [*PRIVATE.split(), ""])
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_that_are_public(address):
    assert is_public(address)


RULES = UrlRules(read_hosts(" Example.org, *.images.test,cdn.test:8443"))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a",
        "https://EXAMPLE.org:443/a?b",
        "https://a.b.images.test/",
        "https://cdn.test:8443/x",
        "https://example.org./",
    ],
)
def test_urls_on_the_list(url):
    assert RULES.check(url).scheme == "https"


REFUSED = """
http://example.org/ https://example.org:8443/ https://evil-example.org/ https://example.org.evil.test/ https://images.test/
https://cdn.test/ https://user@example.org/ https://example.org@evil.test/ https://u:p@example.org/ https://127.0.0.1/
https://[::1]/ file:///etc/passwd ftp://example.org/ data:image/png;base64,AA gopher://example.org/ example.org/a //example.org/a
https:// https:///a https://example.org:99999/ https://example.org\\@evil.test/ https://ⓔxample.com/ https://0x7f000001/
https://2130706433/ https://example.org%2eevil.test/
"""


@pytest.mark.parametrize("url", [*REFUSED.split(), "", "x" * 2_000, "https://exam\tple.org/"])
def test_urls_off_the_list(url):
    with pytest.raises(ImageUrlRefused):
        RULES.check(url)


@pytest.mark.parametrize("listed", ["https://example.org", "a b", "*", "example.org:http", "*.*", "a..b", "example.org:70000"])
def test_a_list_with_something_else_than_hosts_is_a_mistake(listed):
    with pytest.raises(ConfigError, match="BITLENS_IMAGE_URL_HOSTS"):
        read_hosts(listed)


def test_a_search_by_url_finds_what_a_search_by_the_picture_finds(server, tmp_path):
    parts = dataclasses.replace(fake_parts(tmp_path), fetcher=fetcher_for(server.port))
    with running(parts, settings_for(tmp_path)) as client:
        index(client, {"id": "cat", "text": "red cat"})
        answer = client.post("/search/url", json={"image_url": f"http://{HOST}:{server.port}/cat.png"})
        assert [(hit["id"], hit["distance"]) for hit in answer.json()["hits"]] == [("cat", 0)]
        assert answer.json()["query"]["modality"] == "image"
        server.answers["/page"] = found(b"<html>", **{"Content-Type": "image/png"})
        is_problem(client.post("/search/url", json={"image_url": f"http://{HOST}:{server.port}/page"}), 422, "undecodable-image")


def test_fetching_is_off_by_default(client):
    is_problem(client.post("/search/url", json={"image_url": "https://example.org/cat.png"}), 422, "image-url-refused")
