"""What a container may use."""

import psutil
import pytest

from canon.utils import memory

MIB = 2**20


@pytest.mark.parametrize("names", [memory.V1, memory.V2])
def test_the_limit_of_a_container_counts_less_what_it_uses(tmp_path, monkeypatch, names):
    """Files that the kernel caches are not in use: it drops them."""
    limit, usage = (tmp_path / name for name in names)
    monkeypatch.setattr(memory, "_own_cgroups", list)
    monkeypatch.setattr(memory, "FROM_INSIDE", [(limit, usage)])
    limit.write_text(f"{300 * MIB}\n")
    usage.write_text(f"{220 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon 1\ninactive_file {20 * MIB}\nactive_file 0\n")
    assert memory.free_memory() == 100 * MIB
    usage.write_text(f"{400 * MIB}\n")
    assert memory.free_memory() == 0
    limit.write_text("max\n")
    assert memory.free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.2)
