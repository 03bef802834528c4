import io
import json
import math
import time
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributed_automl.errors import ModelError
from distributed_automl.scenario.serialize import FORMAT, digest_of, pack, size_of, unpack

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["$", "$$", "$x"]), inner, max_size=4)
    ),
    max_leaves=12,
)
PARTS: dict[str, Any] = {
    "text": "tree\n" * 1_000,
    "short": "é\r\n",
    "arrays": [np.arange(6, dtype=np.int32).reshape(2, 3), {"deep": np.array([0.1, -0.0, np.nan, np.inf])}],
    "nothing": None,
}


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return buffer.getvalue()


def read(data: bytes) -> dict[str, Any]:
    return unpack(data, digest_of(data))


@given(parts=st.dictionaries(st.text() | st.sampled_from(["$", "$$", "$x"]), TREES, max_size=4))
def test_when_packed_then_unpacked_parts_are_the_same(parts: dict[str, Any]) -> None:
    found = read(pack(parts))
    assert found == parts
    assert repr(found) == repr(parts)  # True is not 1, -0.0 is not 0.0, and order counts


def test_when_sizes_are_asked_for_then_they_are_those_of_the_files_before_compression() -> None:
    with zipfile.ZipFile(io.BytesIO(pack(PARTS))) as files:
        assert size_of(PARTS) == sum(one.file_size for one in files.infolist()) > 5_000


def test_when_arrays_and_texts_are_packed_then_every_bit_comes_back() -> None:
    found = read(pack(PARTS))
    assert found["text"] == PARTS["text"]
    assert found["short"] == PARTS["short"]
    assert found["arrays"][0].dtype == np.int32
    np.testing.assert_array_equal(found["arrays"][0], PARTS["arrays"][0])
    assert found["arrays"][1]["deep"].tobytes() == PARTS["arrays"][1]["deep"].tobytes()


def test_when_floats_are_not_finite_then_they_come_back() -> None:
    found = read(pack({"nan": math.nan, "low": -math.inf, "np": np.float64(0.1), "count": np.int64(3)}))
    assert math.isnan(found["nan"])
    assert (found["low"], found["np"], found["count"]) == (-math.inf, 0.1, 3)


def test_when_packed_at_another_time_then_the_bytes_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    first = pack(PARTS)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2_000_000_000))
    assert pack(PARTS) == first


def test_when_a_byte_differs_then_the_digest_gives_it_away() -> None:
    data = pack(PARTS)
    damaged = data[:50] + bytes([data[50] ^ 1]) + data[51:]
    with pytest.raises(ModelError, match=r"digest is .* but .* was recorded.*fit the scenario again"):
        unpack(damaged, digest_of(data))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no model"),
        (b"\x80\x04\x95not a zip", "no model"),
        (archive({}), "no model"),
        (archive({"model.json": b"{"}), "no model"),
        (archive({"model.json": b"[]"}), "no model"),
        (archive({"model.json": b"\xff\xfe"}), "no model"),
        (archive({"model.json": b'{"format": "distributed-automl/999", "parts": {}}'}), "distributed-automl/999"),
        (pack(PARTS)[:-40], "no model"),
    ],
)
def test_when_the_bytes_are_no_model_of_this_format_then_the_error_says_so(data: bytes, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read(data)


def test_when_a_file_inside_is_damaged_then_it_is_a_model_error() -> None:
    data = bytearray(pack({"values": np.zeros(4_000)}))
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as source:
        member = source.getinfo("0.npy")
    middle = member.header_offset + 30 + len("0.npy") + member.compress_size // 2
    data[middle] ^= 0xFF
    with pytest.raises(ModelError, match="no model"):
        read(bytes(data))


@pytest.mark.parametrize(
    "files",
    [
        {"model.json": {"a": {"$": "0.npy"}}},
        {"model.json": {"a": {"$": 3}}},
        {"model.json": ["no mapping"]},
        {"model.json": {"a": {"$": "0.npy"}}, "0.npy": b"no array"},
    ],
)
def test_when_a_part_is_missing_or_unreadable_then_it_is_a_model_error(files: dict[str, Any]) -> None:
    manifest = json.dumps({"format": FORMAT, "parts": files["model.json"]}).encode()
    data = archive({**files, "model.json": manifest})
    with pytest.raises(ModelError, match=r"part"):
        read(data)


def test_when_an_array_needs_pickle_then_it_is_never_loaded() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    manifest = json.dumps({"format": FORMAT, "parts": {"a": {"$": "0.npy"}}}).encode()
    with pytest.raises(ModelError, match="allow_pickle"):
        read(archive({"model.json": manifest, "0.npy": buffer.getvalue()}))


@pytest.mark.parametrize(
    ("parts", "where"),
    [
        ({"a": [1, {"b": {1, 2}}]}, r"model\.a\[1\]\.b"),
        ({"a": np.array(["x", None], dtype=object)}, r"model\.a.*objects"),
        ({"a": {1: 2}}, r"model\.a.*keys are strings"),
        ({"a": b"bytes"}, r"model\.a.*found bytes"),
    ],
)
def test_when_a_part_is_not_plain_then_the_error_says_where(parts: dict[str, Any], where: str) -> None:
    with pytest.raises(ModelError, match=where):
        pack(parts)
