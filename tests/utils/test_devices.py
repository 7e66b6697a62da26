import pytest

from canon.errors import InputError
from canon.utils.devices import make_accelerator


@pytest.mark.parametrize("device", ["cuda:7", "gpu"])
def test_a_missing_device_is_refused(device):
    with pytest.raises(InputError, match=r"device.*expected.*--device"):
        make_accelerator(device)


def test_fp16_needs_a_gpu():
    with pytest.raises(InputError, match="Pass --precision bf16"):
        make_accelerator("cpu", "fp16")
