"""Random searches and aggregates, most of them sensible."""
import bodies

OPERATORS = ["eq", "ne", "gt", "gte", "lt", "lte", "between", "in", "not_in", "like", "ilike", "prefix", "contains",
             "is_null", "not_null", "bogus"]
AGGREGATIONS = ["count", "count_distinct", "sum", "avg", "min", "max", "stddev", "variance", "median", "bogus"]
BUCKETS = ["1h", "15m", "1 month", "year", "0h", "x", "1w", "3q"]
ALIASES = ["t", "u", "g", "a", "", "é"]


class QueryMaker:
    """`columns` are those that the sources had when somebody last looked."""

    def __init__(self, random):
        self.random = random
        self.columns = []

    def column(self):
        if self.columns and self.random.random() < .85:
            return self.random.choice(self.columns)
        return bodies.column(self.random)

    def few(self, make, most=3):
        return [make() for _ in range(self.random.randint(0, most))]

    def value(self):
        return bodies.value(self.random, 9) if self.random.random() < .1 else bodies.scalar(self.random)

    def operand(self, operator):
        if operator in ("in", "not_in"):
            return self.few(self.value, 5)
        if operator == "between":
            return [self.value(), self.value()]
        if operator in ("is_null", "not_null"):
            return self.random.choice([True, True, True, False])
        if operator in ("like", "ilike", "prefix", "contains"):
            return self.random.choice(bodies.TEXTS)
        return self.value()

    def tests(self):
        chosen = {}
        for _ in range(self.random.choice([1, 1, 1, 2])):
            operator = self.random.choice(OPERATORS)
            chosen[operator] = self.operand(operator) if self.random.random() < .95 else bodies.value(self.random)
        return chosen

    def filters(self, depth=0):
        kind = self.random.random()
        if kind < .15 and depth < 5:
            return {self.random.choice(["and", "or"]): self.few(lambda: self.filters(depth + 1))}
        if kind < .25 and depth < 5:
            return {"not": self.filters(depth + 1)}
        return {self.column(): self.tests()}

    def order(self, name):
        return self.few(lambda: self.random.choice(
            [name(), {"column": name(), "descending": self.random.choice([True, False])}]))

    def sources(self):
        if self.random.random() < .05:
            return self.random.choice([["nope"], [], "s1", [1], ["s1", "s1"]])
        return sorted({bodies.source(self.random) for _ in range(self.random.choice([1, 1, 2, 3]))})

    def search(self):
        query = {}
        if self.random.random() < .6:
            query["filters"] = self.filters()
        if self.random.random() < .4:
            query["columns"] = self.few(self.column, 4)
        if self.random.random() < .4:
            query["order_by"] = self.order(self.column)
        if self.random.random() < .4:
            query["limit"] = self.random.choice([0, 1, 5, 100, 1000, 10000, 10001, -1, "x", 2**70])
        if self.random.random() < .3:
            query["offset"] = self.random.choice([0, 1, 10, 1000, 99999, 100001, -1])
        if self.random.random() < .3:
            query["include"] = self.random.choice([["document"], ["document"], ["x"], "document", []])
        if self.random.random() < .8:
            query["sources"] = self.sources()
        if self.random.random() < .03:
            query[self.random.choice(["filter", "", "limit "])] = 1
        return query

    def aggregation(self):
        one = {"type": self.random.choice(AGGREGATIONS)}
        if self.random.random() < .95:
            one["column"] = self.column()
        if self.random.random() < .6:
            one["alias"] = self.random.choice(ALIASES)
        return one

    def group(self):
        return self.random.choice([self.column(), {"column": self.column(), "bucket": self.random.choice(BUCKETS),
                                                   "alias": self.random.choice(ALIASES)}])

    def aggregate(self):
        query = {"aggregations": self.few(self.aggregation)}
        if self.random.random() < .5:
            query["filters"] = self.filters()
        if self.random.random() < .6:
            query["group_by"] = self.few(self.group)
        aliases = [one.get("alias", "t") for one in query["aggregations"]] or ALIASES
        if self.random.random() < .2:
            query["having"] = {self.random.choice(aliases): self.tests()}
        if self.random.random() < .3:
            query["order_by"] = self.order(lambda: self.random.choice(aliases))
        if self.random.random() < .3:
            query["limit"] = self.random.choice([0, 1, 10, 10000, 10**6, -1])
        if self.random.random() < .8:
            query["sources"] = self.sources()
        return query
