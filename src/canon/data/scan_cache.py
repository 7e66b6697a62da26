"""A cache of per-file scan results, keyed by path, size and modification time."""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from canon.utils.files import atomic_write, cache_dir, fingerprint
from canon.utils.progress import Progress

VERSION = 1  # of what a record means; a change forgets the old ones
ScanRecord = dict[str, Any]  # JSON-able; `fault` says why the file cannot be used, or is None


def cached_scan(
    kind: str,
    source: str,
    files: Sequence[Path],
    look: Callable[[Path], ScanRecord],
    progress: Progress | None = None,
) -> dict[Path, ScanRecord]:
    """What a look at each file gave, now or at a time when the file was the same.

    Args:
        kind: what is looked for, and the folder of the cache where it is kept.
        source: the data set that the files belong to.
        files: where to look; files with a fault are looked at again, as they may be mended.
        look: reads one file.
        progress: wraps the files while they are read, given how many there are.
    """
    digest = hashlib.blake2b(f"{VERSION} {Path(source).resolve()}".encode(), digest_size=16)
    memory = cache_dir(kind) / f"{digest.hexdigest()}.json"
    known = _read(memory)
    marks = {file: fingerprint(file) for file in files}
    sound = {file for file, (_, record) in known.items() if not record["fault"]}
    new = [f for f in files if str(f) not in sound or known[str(f)][0] != marks[f]]
    with ThreadPoolExecutor() as pool:
        seen = progress(new, len(new)) if progress else new
        found = dict(zip(new, pool.map(look, seen), strict=True))
    records = {f: found[f] if f in found else known[str(f)][1] for f in files}
    if new:
        with atomic_write(memory) as aside:
            aside.write_text(json.dumps({str(f): (marks[f], r) for f, r in records.items()}))
    return records


def _read(memory: Path) -> dict[str, tuple[str, ScanRecord]]:
    try:
        return json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}
