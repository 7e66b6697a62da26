"""A cache of per-file scan results, keyed by path, size and times."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from canon.data.images.picture import in_turn
from canon.utils.files import atomic_write, cache_dir, fingerprint
from canon.utils.progress import Progress

VERSION = 3  # of the records; an increment discards cached ones
ScanRecord = dict[str, Any]  # JSON-able; `fault` is the reason a file is unusable, or None


def cached_scan(
    kind: str,
    source: str,
    files: Sequence[Path],
    scan: Callable[[Path], ScanRecord],
    progress: Progress | None = None,
) -> dict[Path, ScanRecord]:
    """The scan of each file; unchanged files are read from the cache.

    A cache that cannot be read is ignored, one that cannot be written is left as it is.

    Args:
        kind: of scan; names the cache folder.
        source: the dataset of the files.
        files: to scan; files with a fault are always scanned again.
        scan: reads one file.
        progress: wraps the files while they are read; also takes their number.
    """
    name = _digest(f"{VERSION} {Path(source).resolve()}")
    cached = _read(kind, name)
    fingerprints = {file: fingerprint(file) for file in files}
    usable = {file for file, (_, record) in cached.items() if not record["fault"]}
    new = [f for f in files if str(f) not in usable or cached[str(f)][0] != fingerprints[f]]
    with ThreadPoolExecutor() as pool:
        reading = progress(new, len(new)) if progress else new
        scanned = dict(zip(new, pool.map(partial(_in_turn, scan), reading), strict=True))
    records = {f: scanned[f] if f in scanned else cached[str(f)][1] for f in files}
    if new:
        _write(kind, name, {str(f): (fingerprints[f], r) for f, r in records.items()})
    return records


def _in_turn(scan: Callable[[Path], ScanRecord], file: Path) -> ScanRecord:
    with in_turn(file):
        return scan(file)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=16).hexdigest()


def _read(kind: str, name: str) -> dict[str, tuple[str, ScanRecord]]:
    """The cached scans; none if the file is missing or not as it was written."""
    try:
        digest, _, text = (cache_dir(kind) / f"{name}.json").read_text().partition("\n")
    except (OSError, ValueError):
        return {}
    return json.loads(text) if digest == _digest(text) else {}


def _write(kind: str, name: str, content: dict[str, tuple[str, ScanRecord]]) -> None:
    text = json.dumps(content)
    try:
        with atomic_write(cache_dir(kind) / f"{name}.json") as temporary:
            temporary.write_text(f"{_digest(text)}\n{text}")
    except OSError:  # read-only or full: the files are read again next time
        return
