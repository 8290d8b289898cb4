"""A source as Python sees it: rows of known columns, filters as functions, and what an aggregate of them is.

`id` counts, `n` is an integer of any size within 64 bits, `k` a small one or absent, `s` one of few texts, `w` any text
or absent. A filter is made together with its predicate; a missing value fits nothing but is_null.
"""
import json
import operator
import re

INTEGERS = [2**63 - 1, -2**63, 2**53, 2**53 + 1, -2**53 - 1]
FEW_TEXTS = ["", "a", "A", "ab", "b%", "b_c", "é", "007", "12", "true", "x\\y", "漢字", "'; --", "\U0001f600", "\n"]
COMPARE = {"eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "gte": operator.ge, "lt": operator.lt,
           "lte": operator.le}

WHOLE_ROW = {"n": 1, "s": "a", "k": 1, "w": "b"}


def row(random, number):
    made = {"id": number,
            "n": random.choice(INTEGERS) if random.random() < .1 else random.randint(-20, 20),
            "s": random.choice(FEW_TEXTS)}
    if random.random() < .7:
        made["k"] = random.randint(0, 4)
    if random.random() < .6:
        made["w"] = "".join(random.choice("ab%_\\\"',;\n é漢") for _ in range(random.randint(0, 12)))
    return made


def text_order(value):
    """Texts compare by their bytes."""
    return value.encode() if isinstance(value, str) else value


def number_operand(random):
    kind = random.random()
    if kind < .7:
        return random.randint(-21, 21)
    return random.choice(INTEGERS) if kind < .8 else random.randint(-42, 42) / 2


def pattern_of(like):
    """The regular expression of a LIKE pattern in which no character is escaped."""
    parts = {"%": ".*", "_": "."}
    return re.compile("".join(parts.get(c, re.escape(c)) for c in like), re.DOTALL)


def leaf(random):
    name = random.choice(["id", "n", "k", "s", "w"])
    test = random.random()
    if test < .1:
        kind, asked = random.choice(["is_null", "not_null"]), True
        return {name: {kind: asked}}, (lambda r: (name in r) != (kind == "is_null"))
    is_text = name in ("s", "w")
    make = (lambda: random.choice(FEW_TEXTS)) if is_text else (lambda: number_operand(random))
    if test < .25:
        kind, values = random.choice(["in", "not_in"]), [make() for _ in range(random.randint(1, 4))]
        return {name: {kind: values}}, (lambda r: name in r and (r[name] in values) == (kind == "in"))
    if test < .35:
        low, high = make(), make()
        return {name: {"between": [low, high]}}, (
            lambda r: name in r and text_order(low) <= text_order(r[name]) <= text_order(high))
    if is_text and test < .6:
        return text_leaf(random, name)
    kind, value = random.choice(list(COMPARE)), make()
    return {name: {kind: value}}, (lambda r: name in r and COMPARE[kind](text_order(r[name]), text_order(value)))


def text_leaf(random, name):
    kind = random.choice(["prefix", "contains", "like"])
    value = random.choice(["", "a", "b", "%", "_", "é", '"', "a%", "%b", "_", "%é%", "a_%", "\n"])
    tests = {"prefix": str.startswith, "contains": str.__contains__,
             "like": lambda text, like: pattern_of(like).fullmatch(text) is not None}
    return {name: {kind: value}}, (lambda r: name in r and tests[kind](r[name], value))


def filters(random, depth=0):
    """(what is asked, the predicate)"""
    kind = random.random()
    if depth < 3 and kind < .2:
        parts = [filters(random, depth + 1) for _ in range(random.randint(1, 3))]
        together, word = random.choice([(all, "and"), (any, "or")])
        return {word: [asked for asked, _ in parts]}, (lambda r: together(fits(r) for _, fits in parts))
    if depth < 3 and kind < .3:
        asked, fits = filters(random, depth + 1)
        return {"not": asked}, (lambda r: not fits(r))
    if kind < .4:
        one, two = leaf(random), leaf(random)
        if set(one[0]) != set(two[0]):  # two columns side by side: both must hold
            return one[0] | two[0], (lambda r: one[1](r) and two[1](r))
    return leaf(random)


def aggregated(rows, group):
    """What AGGREGATIONS give for these rows, by `group` (a column or None): a list of groups as JSON texts, sorted."""
    groups = {}
    for one in rows:
        groups.setdefault(one.get(group) if group else None, []).append(one)
    if not rows and not group:
        groups[None] = []
    made = []
    for key, members in groups.items():
        numbers = [one["n"] for one in members]
        result = {"rows": len(members), "values": sum("k" in one for one in members),
                  "total": sum(numbers) if numbers else None, "least": min(numbers, default=None),
                  "most": max(numbers, default=None), "texts": len({one["s"] for one in members}),
                  "last": max((one["s"] for one in members), key=text_order, default=None)}
        if group:
            result[group] = key
        made.append(result)
    return sorted(canonical(result) for result in made)


AGGREGATIONS = [{"type": "count", "alias": "rows"}, {"type": "count", "column": "k", "alias": "values"},
                {"type": "sum", "column": "n", "alias": "total"}, {"type": "min", "column": "n", "alias": "least"},
                {"type": "max", "column": "n", "alias": "most"},
                {"type": "count_distinct", "column": "s", "alias": "texts"},
                {"type": "max", "column": "s", "alias": "last"}]


def canonical(document):
    """Equal for equal documents only: true is not 1, 1.0 is not 1, and null is absent."""
    return json.dumps({k: v for k, v in document.items() if v is not None}, sort_keys=True)
