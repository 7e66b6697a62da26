"""A cache of per-file scan results, keyed by path, size and modification time."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from canon.utils.files import atomic_write, cache_dir, fingerprint
from canon.utils.progress import Progress

VERSION = 1  # of the records; an increment discards cached ones
ScanRecord = dict[str, Any]  # JSON-able; `fault` is the reason a file is unusable, or None


def cached_scan(
    kind: str,
    source: str,
    files: Sequence[Path],
    scan: Callable[[Path], ScanRecord],
    progress: Progress | None = None,
) -> dict[Path, ScanRecord]:
    """The scan of each file; unchanged files are read from the cache.

    Args:
        kind: of scan; names the cache folder.
        source: the dataset of the files.
        files: to scan; files with a fault are always scanned again.
        scan: reads one file.
        progress: wraps the files while they are read; also takes their number.
    """
    digest = hashlib.blake2b(f"{VERSION} {Path(source).resolve()}".encode(), digest_size=16)
    path = cache_dir(kind) / f"{digest.hexdigest()}.json"
    cached = _read(path)
    fingerprints = {file: fingerprint(file) for file in files}
    usable = {file for file, (_, record) in cached.items() if not record["fault"]}
    new = [f for f in files if str(f) not in usable or cached[str(f)][0] != fingerprints[f]]
    with ThreadPoolExecutor() as pool:
        reading = progress(new, len(new)) if progress else new
        scanned = dict(zip(new, pool.map(scan, reading), strict=True))
    records = {f: scanned[f] if f in scanned else cached[str(f)][1] for f in files}
    if new:
        with atomic_write(path) as temporary:
            content = {str(f): (fingerprints[f], r) for f, r in records.items()}
            temporary.write_text(json.dumps(content))
    return records


def _read(path: Path) -> dict[str, tuple[str, ScanRecord]]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
