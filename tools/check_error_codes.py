#!/usr/bin/env python3
"""Compares the codes of errors in the source with docs/reference/errors.md.

 - Every code that the source gives an error stands in errors.md, and every code there is one of the source.
 - The codes under "Answers" are exactly those that src/frontends/rest/public_codes.cc lets out.
"""
import pathlib
import re
import sys

REFERENCE = "docs/reference/errors.md"
PUBLIC = "src/frontends/rest/public_codes.cc"

# Where a literal is the code of an error: the first argument of what makes one, behind a status or a Code.
MADE = re.compile(r"""
    (?: \b(?:invalid_argument|not_found|unavailable) | (?:[.>]|(?<![:\w]))error | \bError(?:\s+\w+)?
      | \breturn(?=\s*\{\s*Code::) )
    \s*[({]\s* (?:\d+,\s*)? (?:(?:Code::\w+|\w+\.code\(\)),\s*)? "([a-z][a-z0-9_]*)"\s*,
    | [Rr]eason\s*=\s*"([a-z][a-z0-9_]*)" """, re.VERBOSE)
CODE = re.compile(r"`([a-z][a-z0-9_]*)`")


def codes_of_source(root):
    """{code: a file that makes it}; tests and the list of public codes do not count."""
    found = {}
    for path in sorted((root / "src").rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix not in (".cc", ".h") or "/tests/" in name or name == PUBLIC:
            continue
        for match in MADE.finditer(path.read_text(encoding="utf-8")):
            found.setdefault(match.group(1) or match.group(2), name)
    return found


def codes_of_reference(text):
    """(codes under "Answers", codes in any table); a row's codes stand before its last column."""
    answers, all_codes = set(), set()
    section = ""
    for line in text.splitlines():
        if line.startswith("#"):
            section = line.lstrip("# ")
        elif line.startswith("|"):
            codes = set(CODE.findall("|".join(line.strip("|").split("|")[:-1])))
            all_codes |= codes
            if section == "Answers":
                answers |= codes
    return answers, all_codes


def problems(root):
    made = codes_of_source(root)
    answers, documented = codes_of_reference((root / REFERENCE).read_text(encoding="utf-8"))
    public = set(re.findall(r'"(\w+)"sv', (root / PUBLIC).read_text(encoding="utf-8")))
    for code in sorted(set(made) - documented):
        yield f"{made[code]}: {code} is not in {REFERENCE}; if clients may see it, it belongs into {PUBLIC} too"
    for code in sorted(documented - set(made)):
        yield f"{REFERENCE}: nothing makes {code}"
    for code in sorted(public - answers):
        yield f"{PUBLIC}: {code} is not under \"Answers\" in {REFERENCE}"
    for code in sorted(answers - public):
        yield f"{REFERENCE}: {code} stands under \"Answers\" and not in {PUBLIC}"


def main(arguments):
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).resolve().parent.parent)
    found = list(problems(root))
    for problem in found:
        print(problem)
    print(f"error codes: {len(found)} problems" if found else "error codes: nothing to say")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
