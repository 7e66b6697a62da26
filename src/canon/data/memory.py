"""What was found in files, remembered by path, size and time so that a second look is free."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from canon.data.cache import cache_dir, written_aside

VERSION = 1  # of what a record means; a change forgets the old ones

Progress = Callable[[Iterable[Path], int], Iterable[Path]]
Record = dict[str, Any]  # JSON-able; `fault` says why the file cannot be used, or is None


def remembered(
    kind: str,
    source: str,
    files: Sequence[Path],
    look: Callable[[Path], Record],
    progress: Progress | None = None,
) -> dict[Path, Record]:
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
    marks = {file: file_mark(file) for file in files}
    sound = {file for file, (_, record) in known.items() if not record["fault"]}
    new = [f for f in files if str(f) not in sound or known[str(f)][0] != marks[f]]
    with ThreadPoolExecutor() as pool:
        seen = progress(new, len(new)) if progress else new
        found = dict(zip(new, pool.map(look, seen), strict=True))
    records = {f: found[f] if f in found else known[str(f)][1] for f in files}
    if new:
        with written_aside(memory) as aside:
            aside.write_text(json.dumps({str(f): (marks[f], r) for f, r in records.items()}))
    return records


def _read(memory: Path) -> dict[str, tuple[str, Record]]:
    try:
        return json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}


def file_mark(file: Path) -> str:
    """What changes when a file does: its size and the time it was written."""
    try:
        status = file.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"
