"""A model as bytes: a zip of JSON, `.npy` arrays and texts. Nothing in it can run code, and it never varies."""

import hashlib
import io
import json
import math
import zipfile
import zlib
from typing import Any

import numpy as np

from distributed_automl.errors import ModelError

FORMAT = "distributed-automl/1"
"""Version of the layout; a reader refuses any other."""
LONG_TEXT = 1_000
"""Characters from which a string gets a file of its own."""
_MANIFEST = "model.json"
_REFERENCE = "$"
_EPOCH = (1980, 1, 1, 0, 0, 0)

Parts = dict[str, Any]


def pack(parts: Parts) -> bytes:
    """Serialize nested plain parts: the same bytes for the same parts, at any time.

    Args:
        parts: nested dicts (string keys) and lists of None, bool, int, float, str and numpy arrays without objects.

    Raises:
        ModelError: a value is of another kind; the message says where.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in _files(parts).items():
            archive.writestr(_member(name), content, zipfile.ZIP_DEFLATED, compresslevel=6)
    return buffer.getvalue()


def size_of(parts: Parts) -> int:
    """Return the bytes that `pack` would compress: the same number whatever compresses them."""
    return sum(map(len, _files(parts).values()))


def _files(parts: Parts) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    tree = _detached(parts, "model", files)
    manifest = json.dumps({"format": FORMAT, "parts": tree}, separators=(",", ":"), allow_nan=False)
    return {_MANIFEST: manifest.encode("ascii"), **files}


def unpack(data: bytes, digest: str) -> Parts:
    """Read parts that `pack` wrote.

    Args:
        data: the bytes.
        digest: their recorded digest, as `digest_of` gives it.

    Raises:
        ModelError: the digest differs, or the bytes are no model of this format.
    """
    found = digest_of(data)
    if found != digest:
        raise ModelError(
            f"the model's digest is {found}, but {digest} was recorded when it was fitted: "
            "the stored bytes were damaged or replaced; fit the scenario again"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        document = json.loads(files[_MANIFEST])
        version = document["format"]
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"the bytes are no model: expected a zip with '{_MANIFEST}' ({error})") from error
    if version != FORMAT:
        raise ModelError(f"the model's format is {version!r}, this program reads {FORMAT!r}; fit the scenario again")
    return _restored(document, files)


def digest_of(data: bytes) -> str:
    """Return the SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _restored(document: dict[str, Any], files: dict[str, bytes]) -> Parts:
    try:
        parts = _attached(document["parts"], files)
    except (KeyError, TypeError, ValueError, EOFError) as error:
        raise ModelError(f"a part of the model is missing or unreadable: {error}") from error
    if not isinstance(parts, dict):
        raise ModelError(f"the model's parts should be a mapping, found {type(parts).__name__}")
    return parts


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, date_time=_EPOCH)
    member.create_system = 3
    member.external_attr = 0o600 << 16
    return member


def _detached(value: Any, where: str, files: dict[str, bytes]) -> Any:
    """Return `value` as JSON, its arrays and long texts moved to `files` and replaced by references."""
    if isinstance(value, dict):
        return {_key(key, where): _detached(item, f"{where}.{key}", files) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_detached(item, f"{where}[{i}]", files) for i, item in enumerate(value)]
    if isinstance(value, np.ndarray):
        return _filed(f"{len(files)}.npy", _array_bytes(value, where), files)
    if isinstance(value, str) and len(value) >= LONG_TEXT:
        return _filed(f"{len(files)}.txt", value.encode("utf-8", "surrogatepass"), files)
    return _scalar(value, where)


def _filed(name: str, content: bytes, files: dict[str, bytes]) -> dict[str, str]:
    files[name] = content
    return {_REFERENCE: name}


def _key(key: Any, where: str) -> str:
    """Return a key that no reference can be taken for: one that begins like it gets the sign once more."""
    if not isinstance(key, str):
        raise ModelError(f"cannot serialize {where}: keys are strings, found {key!r}")
    return _REFERENCE + key if key.startswith(_REFERENCE) else key


def _scalar(value: Any, where: str) -> Any:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        return {_REFERENCE: repr(plain)}
    if plain is None or isinstance(plain, bool | int | float | str):
        return plain
    raise ModelError(
        f"cannot serialize {where}: expected None, bool, int, float, str, list, dict or an array, "
        f"found {type(value).__name__}"
    )


def _array_bytes(array: np.ndarray[Any, Any], where: str) -> bytes:
    if array.dtype.hasobject:
        raise ModelError(f"cannot serialize {where}: an array of objects; turn it into numbers or a list of strings")
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _attached(value: Any, files: dict[str, bytes]) -> Any:
    if isinstance(value, list):
        return [_attached(item, files) for item in value]
    if not isinstance(value, dict):
        return value
    if _REFERENCE in value:
        return _referenced(value[_REFERENCE], files)
    return {key.removeprefix(_REFERENCE): _attached(item, files) for key, item in value.items()}


def _referenced(name: Any, files: dict[str, bytes]) -> Any:
    if not isinstance(name, str):
        raise TypeError(f"a reference is a name, found {name!r}")
    if name in ("nan", "inf", "-inf"):
        return float(name)
    if name.endswith(".txt"):
        return files[name].decode("utf-8", "surrogatepass")
    return np.load(io.BytesIO(files[name]), allow_pickle=False)
