"""The public names, each in an interpreter of its own, as the first thing that is asked for."""

import subprocess
import sys

import pytest

import canon

FIRST = {
    "create": "canon.create('resnet20')",
    "describe": "canon.describe('resnet20')",
    "what_if": "canon.what_if('resnet20', 'separable')",
    "entry": "canon.model_info('vgg16')",
    "names": "assert 'senet154' in canon.names()",
    "team": "canon.published_ensemble('trimps-soushen')",
    "open_data": "canon.open_data('digits')",
    "check": "canon.check_data(canon.open_data('digits'))",
    "Training": "canon.TrainConfig('lenet5')",
}


def test_every_public_name_exists():
    assert all(getattr(canon, name) is not None for name in canon.__all__)


@pytest.mark.parametrize("name", FIRST)
def test_it_works_as_the_first_thing_that_is_asked_for(name):
    code = f"import canon; {FIRST[name]}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
