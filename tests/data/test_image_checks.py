import numpy as np
from PIL import Image

from canon.data import check_data, open_data
from tests.helpers.synthetic import draw, make_folder


def test_a_check_reports_counts_sizes_formats_faults_and_duplicates(tmp_path):
    for split in ("train", "test"):
        make_folder(tmp_path / "set" / split, 3, side=20 if split == "train" else 24)
    train, test = tmp_path / "set" / "train", tmp_path / "set" / "test"
    draw(0, False, 20).save(test / "dark" / "copy.bmp")  # the pixels of train/dark/00.png
    Image.fromarray(np.zeros((30, 10), np.uint8)).save(test / "light" / "grey.png")
    (train / "light" / "bad.png").write_text("text")
    report = check_data(open_data(tmp_path / "set"))
    assert report.targets.counts == {"train": (3, 3), "test": (4, 4)}  # readable ones
    assert report.images.sides == (20, 30, 10, 24)
    assert report.images.side is None
    assert report.images.formats == {"8-bit RGB": 13, "8-bit grey": 1}
    assert [file.name for file in report.faults] == ["bad.png"]
    same = (str(train / "dark" / "00.png"), str(test / "dark" / "copy.bmp"))
    assert report.images.duplicates == (same,)
    assert report.images.channels == 3
    assert not report.sound


def test_a_second_check_reads_only_changed_files(pictures):
    read = []

    def watching(files, total):
        for file in files:
            read.append(file.name)
            yield file

    data = open_data(pictures)
    assert check_data(data, watching).sound
    assert len(read) == 24
    read.clear()
    assert check_data(data, watching).sound
    assert read == []
    (pictures / "dark" / "03.png").write_bytes(b"")
    assert [f.name for f in check_data(data, watching).faults] == ["03.png"]
    assert read == ["03.png"]


def test_duplicates_between_splits_of_arrays_are_found(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
    np.savez(
        tmp_path / "a.npz", x_train=x, y_train=np.arange(6) % 2, x_test=x[4:], y_test=np.arange(2)
    )
    report = check_data(open_data(tmp_path / "a.npz"))
    assert report.images.duplicates == (("train #4", "test #0"), ("train #5", "test #1"))
    assert report.images.side == 4
    assert report.images.channels == 1


def test_unreadable_files_can_be_left_out(pictures):
    (pictures / "dark" / "03.png").write_bytes(b"")
    data = open_data(pictures)
    rest = data.without(set(check_data(data).faults))
    assert len(rest.splits["train"]) == 23
    assert check_data(rest).sound


def test_digests_do_not_depend_on_the_working_directory(pictures, tmp_path, monkeypatch):
    x = np.random.default_rng(0).integers(0, 256, (6, 4, 4), np.uint8)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(6) % 2)
    found = []
    for place in (tmp_path, tmp_path.parent):
        monkeypatch.chdir(place)
        found.append([check_data(open_data(one)).digests for one in (tmp_path / "a.npz", pictures)])
    assert found[0] == found[1]
