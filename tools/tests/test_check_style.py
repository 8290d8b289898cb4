"""Each rule of check_style.py, shown on a text that breaks it."""
import json
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check_style  # noqa: E402


def problems(name, text):
    return list(check_style.check_file(name, text))


def test_ordinary_files_are_fine():
    assert problems("src/base/error.h", "#pragma once\nint a;  // NOLINT(some-check): a reason\n") == []
    assert problems("docs/README.md", "TODO " * 100) == []


@pytest.mark.parametrize("name,text,expected", [
    ("src/base/a.cc", "int a;\n" * 601, "601 lines, at most 600"),
    ("src/base/a.h", "#pragma once\n" * 351, "351 lines, at most 350"),
    ("src/base/tests/a.h", "#pragma once\n" * 601, "601 lines, at most 600"),
    ("src/base/a.h", "int a;\n", "#pragma once is missing"),
    ("src/base/a.cc", "// " + "a" * 98 + "\n", "a.cc:1: 101 columns"),
    ("src/base/a.cc", "\n// TODO later\n", "a.cc:2: TODO"),
    ("tools/build", "# FIXME\n", "tools/build:1: FIXME"),
    ("src/base/a.cc", "int a; // NOLINT\n", "NOLINT needs"),
    ("src/base/a.cc", "int a; // NOLINT(some-check)\n", "NOLINT needs"),
    ("src/base/a.cc", "int a; \n", "blanks at the end"),
    ("src/base/a.cc", "\tint a;\n", "a tab"),
    ("src/base/a.cc", "int a;", "no newline"),
    ("src/base/utils.cc", "\n", "'utils.cc' says nothing"),
    ("src/common/a.cc", "\n", "'common' says nothing"),
])
def test_a_broken_rule_is_found(name, text, expected):
    found = problems(name, text)
    assert len(found) == 1 and expected in found[0]


def test_a_long_address_may_stand_on_a_line():
    assert problems("src/base/a.cc", "// https://example.org/" + "a" * 100 + "\n") == []


def lock(**package):
    return json.dumps({"packages": {"": {"devDependencies": {"a": "1.2.3"}}, "node_modules/a": package}})


def test_a_lock_file_pins_by_hash_and_names_no_address():
    assert problems("package-lock.json", lock(integrity="sha512-x")) == []
    assert "no integrity hash" in problems("package-lock.json", lock(version="1"))[0]
    assert "names a download address" in problems("package-lock.json", lock(integrity="x", resolved="y"))[0]
    loose = lock(integrity="x").replace("1.2.3", "^1.2.3")
    assert "not pinned" in problems("package-lock.json", loose)[0]


def test_the_command_fails_on_a_problem(tmp_path, capsys):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "a.cc").write_text("int a;\n")
    assert check_style.main([str(tmp_path)]) == 0
    (tmp_path / "a.cc").write_text("int a; // FIXME\n")
    assert check_style.main([str(tmp_path)]) == 1
    assert "a.cc:1: FIXME" in capsys.readouterr().out
