"""The Makefile: what it promises is there."""
import pathlib
import re

MAKEFILE = pathlib.Path(__file__).resolve().parents[2] / "Makefile"


def test_every_target_that_is_named_has_a_rule_and_a_line_of_help():
    text = MAKEFILE.read_text(encoding="utf-8")
    named = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    assert named
    for target in named:
        assert re.search(rf"^{target}:.*## \S", text, re.MULTILINE), target
