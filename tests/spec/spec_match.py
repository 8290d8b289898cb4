"""Compares what was expected with what came, and says where they differ.

Expected values are plain YAML with a few tags:

    !any                        any value, null too
    !text "regular expression"  a string in which it is found
    !integer / !number          any integer / any number
    !at_least 3, !at_most 3     a number
    !approx 0.1                 a number, relative tolerance 1e-9
    !length 3                   a list, string or mapping of that size
    !unordered [...]            a list with these elements in any order
    !exact {...}                a mapping with these keys and no other
    !absent                     the key may not be there

A mapping means "these keys, others may stand beside them"; a list means "these elements in this order". An
integer and a float are different things: 1 does not match 1.0.
"""
import math
import re

import yaml


class Matcher:
    def __init__(self, value=None):
        self.value = value

    def __repr__(self):
        return f"!{type(self).tag} {self.value!r}"

    def problems(self, actual, where):
        if not self.fits(actual):
            yield f"{where}: expected {self!r}, got {shorten(actual)}"


class Any(Matcher):
    tag = "any"

    def fits(self, actual):
        return True


class Absent(Matcher):
    tag = "absent"

    def fits(self, actual):
        return False  # a mapping asks for it by name; a value is never absent


class Text(Matcher):
    tag = "text"

    def fits(self, actual):
        return isinstance(actual, str) and re.search(self.value, actual, re.DOTALL) is not None


class Integer(Matcher):
    tag = "integer"

    def fits(self, actual):
        return isinstance(actual, int) and not isinstance(actual, bool)


class Number(Matcher):
    tag = "number"

    def fits(self, actual):
        return isinstance(actual, (int, float)) and not isinstance(actual, bool)


class AtLeast(Number):
    tag = "at_least"

    def fits(self, actual):
        return super().fits(actual) and actual >= self.value


class AtMost(Number):
    tag = "at_most"

    def fits(self, actual):
        return super().fits(actual) and actual <= self.value


class Approx(Number):
    tag = "approx"

    def fits(self, actual):
        return super().fits(actual) and math.isclose(actual, self.value, rel_tol=1e-9)


class Length(Matcher):
    tag = "length"

    def fits(self, actual):
        return isinstance(actual, (list, str, dict)) and len(actual) == self.value


class Unordered(Matcher):
    tag = "unordered"

    def problems(self, actual, where):
        if not isinstance(actual, list):
            yield f"{where}: expected a list, got {shorten(actual)}"
            return
        if len(actual) != len(self.value):
            yield f"{where}: expected {len(self.value)} elements, got {len(actual)}: {shorten(actual)}"
            return
        left = list(actual)
        for wanted in self.value:
            fitting = next((a for a in left if not list(compare(wanted, a, where))), None)
            if fitting is None:
                yield f"{where}: no element fits {shorten(wanted)}; left are {shorten(left)}"
                return
            left.remove(fitting)


class Exact(Matcher):
    tag = "exact"

    def problems(self, actual, where):
        yield from compare(self.value, actual, where)
        if isinstance(actual, dict) and isinstance(self.value, dict):
            for key in actual.keys() - self.value.keys():
                yield f"{where}.{key}: not expected, got {shorten(actual[key])}"


MATCHERS = (Any, Absent, Text, Integer, Number, AtLeast, AtMost, Approx, Length, Unordered, Exact)


def shorten(value):
    text = repr(value)
    return text if len(text) <= 600 else text[:600] + f"… ({len(text)} characters)"


def compare(expected, actual, where="answer"):
    """Yields a line for each difference."""
    if isinstance(expected, Matcher):
        yield from expected.problems(actual, where)
    elif isinstance(expected, dict):
        if not isinstance(actual, dict):
            yield f"{where}: expected a mapping, got {shorten(actual)}"
            return
        for key, wanted in expected.items():
            if isinstance(wanted, Absent):
                if key in actual:
                    yield f"{where}.{key}: should be absent, got {shorten(actual[key])}"
            elif key not in actual:
                yield f"{where}.{key}: missing; there is {shorten(sorted(actual))}"
            else:
                yield from compare(wanted, actual[key], f"{where}.{key}")
    elif isinstance(expected, list):
        if not isinstance(actual, list):
            yield f"{where}: expected a list, got {shorten(actual)}"
            return
        if len(actual) != len(expected):
            yield f"{where}: expected {len(expected)} elements, got {len(actual)}: {shorten(actual)}"
        for index, (wanted, got) in enumerate(zip(expected, actual)):
            yield from compare(wanted, got, f"{where}[{index}]")
    elif type(expected) is not type(actual) or expected != actual:
        yield f"{where}: expected {expected!r}, got {shorten(actual)}"


class Loader(yaml.SafeLoader):
    """YAML in which dates stay text: JSON has none."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def construct(loader, node):
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    # A scalar after a tag is still a number where it looks like one.
    if node.style is None:
        plain = yaml.ScalarNode(loader.resolve(yaml.ScalarNode, node.value, (True, False)), node.value)
        return loader.construct_object(plain)
    return loader.construct_scalar(node)


def add_matcher(matcher):
    Loader.add_constructor("!" + matcher.tag, lambda loader, node: matcher(construct(loader, node)))


for each in MATCHERS:
    add_matcher(each)


def repeat(loader, node):
    """!repeat {text: '"c{i}": 1', times: 3, between: ', '}: {i} counts from 0."""
    asked = construct(loader, node)
    return asked.get("between", "").join(
        asked["text"].replace("{i}", str(i)) for i in range(asked["times"]))


Loader.add_constructor("!repeat", repeat)
Loader.add_constructor("!join", lambda loader, node: "".join(map(str, construct(loader, node))))
Loader.add_constructor("!bytes", lambda loader, node: bytes.fromhex(construct(loader, node)))


def load(path):
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader)  # a SafeLoader
