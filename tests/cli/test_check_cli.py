"""`canon check`."""

import json

from canon.cli import main


def test_check_reports_a_bad_file_and_fails(pictures, spoil, capsys):
    assert main(["check", str(pictures)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no problems found"
    path = spoil(pictures / "dark", "text")
    assert main(["check", str(pictures), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert list(report["faults"]) == [str(path)]
    assert report["counts"] == {"train": [12, 12]}  # readable images
    assert not report["sound"]
    assert main(["check", str(pictures)]) == 1
    text = capsys.readouterr().out
    assert str(path) in text
    assert text.splitlines()[-1] == "problems found: see above"
