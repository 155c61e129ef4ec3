import asyncio
from collections.abc import Iterator

import numpy as np
import pytest

from app.decode import ImageDecoder
from app.encoding import Encoding
from app.pools import Pool
from model.codes import pack_codes, sign_codes
from model.errors import CodeError, EmptyText, InvalidRequest, UndecodableImage
from tests.builders import BUNDLE_ID, FakeEncoder, FakeImageEncoder, FakeTextEncoder, meaning, packed, picture
from tests.fakes import FakeCodeCache, FakeMeters

pytestmark = pytest.mark.anyio


class Bench:
    """An encoding and the fakes behind it."""

    def __init__(self, text: FakeEncoder) -> None:
        self.cache, self.text, self.image = FakeCodeCache(), text, FakeImageEncoder()
        self.meters = FakeMeters()
        self.pools = [Pool(name, n_threads=1, max_waiting=8) for name in ("decoding", "encoding")]
        self.encoding = Encoding(
            encoders={"image": self.image, "text": self.text},
            bundle_id=BUNDLE_ID,
            cache=self.cache,
            decoder=ImageDecoder(max_bytes=10_000, max_pixels=10_000, pixel_budget=10_000),
            decode_pool=self.pools[0],
            encode_pool=self.pools[1],
            max_text_chars=50,
            meters=self.meters,
        )

    def close(self) -> None:
        for pool in self.pools:
            pool.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench(FakeTextEncoder())
    yield bench
    bench.close()


async def test_a_code_is_the_packed_sign_of_what_the_encoder_gives(bench):
    encoded = await bench.encoding.encode_text("red cat")
    assert encoded.code == pack_codes(sign_codes(meaning("red cat")[None])).tobytes()


async def test_the_second_time_the_code_is_cached_however_the_text_is_spaced(bench):
    first, second = [await bench.encoding.encode_text(text) for text in ("red cat", "  red \t cat ")]
    assert (first.cached, second.cached) == (False, True)
    assert first.code == second.code
    assert bench.text.batch_sizes == [1]


async def test_a_picture_whose_code_is_cached_is_not_decoded(bench):
    no_picture = b"not even a picture"
    key = await bench.encoding.image_key(no_picture)
    await bench.cache.put_many({key: b"12345678"})
    encoded = await bench.encoding.encode_image(no_picture)
    assert (encoded.code, encoded.cached) == (b"12345678", True)


async def test_without_a_cache_the_codes_are_the_same(bench):
    with_cache = await bench.encoding.encode_image(picture("red cat"))
    bench.cache.available = False
    without = await bench.encoding.encode_image(picture("red cat"))
    assert (without.code, without.cached) == (with_cache.code, False)


async def test_many_texts_are_encoded_in_batches_and_each_different_one_once(bench):
    texts = [f"text {number}" for number in range(20)] * 2
    encoded = await bench.encoding.encode_texts(texts)
    assert bench.text.batch_sizes == [8, 8, 4]
    assert [one.code for one in encoded[:20]] == [one.code for one in encoded[20:]]


async def test_no_texts_need_no_forward_pass(bench):
    assert await bench.encoding.encode_texts([]) == []
    assert bench.text.batch_sizes == []


@pytest.mark.parametrize("text", ["", " \n ", "\u200d", "\x00"])
async def test_a_text_of_nothing_is_refused(bench, text):
    with pytest.raises(EmptyText):
        await bench.encoding.encode_text(text)


async def test_a_text_that_is_too_long_is_refused(bench):
    with pytest.raises(InvalidRequest, match="51"):
        await bench.encoding.encode_text("x" * 51)


async def test_what_is_no_picture_leaves_no_trace_in_the_cache(bench):
    with pytest.raises(UndecodableImage):
        await bench.encoding.encode_image(b"no picture")
    assert bench.cache.entries == {}


async def test_an_encoder_that_gives_nan_is_our_bug_and_nothing_is_kept():
    class Broken(FakeTextEncoder):
        def encode(self, prepared):
            return np.full((len(prepared), self.n_bits), np.nan, np.float32)

    bench = Bench(Broken())
    with pytest.raises(CodeError):
        await bench.encoding.encode_text("red cat")
    assert bench.cache.entries == {}
    bench.close()


async def test_equal_texts_and_pictures_under_way_are_encoded_once(bench):
    picked = picture("red cat")
    texts = asyncio.gather(*(bench.encoding.encode_text(text) for text in ("red cat", "red  cat", "blue dog")))
    pictures = asyncio.gather(*(bench.encoding.encode_image(picked) for _ in range(3)))
    assert {one.code for one in [*await texts, *await pictures]} == {packed("red cat"), packed("blue dog")}
    assert sum(bench.text.batch_sizes) == 2
    assert bench.image.batch_sizes == [1]
    assert bench.meters.n_coalesced == 3


async def test_a_picture_being_indexed_is_not_encoded_again_for_a_search(bench):
    content = picture("red cat")
    key = await bench.encoding.image_key(content)
    _, prepared = await bench.encoding.prepare_image(content)
    codes, encoded = await asyncio.gather(bench.encoding.encode_prepared({key: prepared}), bench.encoding.encode_image(content))
    assert (codes[key], bench.meters.batches) == (encoded.code, [("image", 1)])
