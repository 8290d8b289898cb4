"""Each rule of check_error_codes.py, shown on a small tree that breaks it."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check_error_codes  # noqa: E402

SOURCE = """
Status a() { return fail(invalid_argument("too_deep", "Too deep.")); }
Error b() { return {Code::not_found, "gone", "Gone."}; }
Error c() { return Error(Code::internal,
                         "broken", "Broken.").with_hint("x"); }
Status d(const JsonCursor& cursor) { return fail(cursor.error("odd", "is odd.")); }
Refusal e() { return Refusal{431, invalid_argument("too_many_headers", "m")}; }
Error f(const Error& cause) { return Error(cause.code(), "lost", "m"); }
std::vector<std::string> g() { return {"column", "other"}; }
constexpr std::string_view kReason = "denied";
"""
PUBLIC = 'constexpr std::array kPublicCodes{"odd"sv, "too_deep"sv, "too_many_headers"sv};\n'
REFERENCE = """# Errors
## Answers
| status | code | when |
|---|---|---|
| 400 | `too_deep`, `odd` | nested; see `other_thing` |
| 431 | `too_many_headers` | headers |
## The log
| code | what |
|---|---|
| `gone`, `lost`, `broken`, `denied` | storage |
"""


def problems(tmp_path, source=SOURCE, public=PUBLIC, reference=REFERENCE):
    for name, text in (("src/base/a.cc", source), (check_error_codes.PUBLIC, public),
                       (check_error_codes.REFERENCE, reference),
                       ("src/base/tests/a_test.cc", 'auto e = invalid_argument("only_in_a_test", "m");')):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return list(check_error_codes.problems(tmp_path))


def test_a_tree_that_agrees_is_fine(tmp_path):
    assert problems(tmp_path) == []
    assert check_error_codes.main([str(tmp_path)]) == 0


@pytest.mark.parametrize("change,expected", [
    ({"source": SOURCE + 'Error f() { return unavailable("busy", "m"); }'}, "busy is not in"),
    ({"reference": REFERENCE + "| `never` | x |\n"}, "nothing makes never"),
    ({"reference": REFERENCE.replace("`, `odd`", "`") + "| `odd` | x |\n"}, 'odd is not under "Answers"'),
    ({"public": PUBLIC.replace('"odd"sv, ', "")}, "odd stands under"),
])
def test_a_difference_is_found(tmp_path, change, expected):
    found = problems(tmp_path, **change)
    assert len(found) == 1 and expected in found[0]
    assert check_error_codes.main([str(tmp_path)]) == 1
