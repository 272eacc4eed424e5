#!/usr/bin/env python3
"""Checks an explanation of the form minsheng-explanation/1 without the program that made it.

    verify.py EXPLANATION.json… [--schema docs/explanation.schema.json] [--law DIR]

Every rule's formula or decision table is computed anew from the values of the nodes that it was made from,
by a small FEEL of this file's own (only Python's standard library; decimals of 34 digits). The digests of
figures are recomputed, the outcome is compared with its conditions, and with --law the digests of the law
files. Exit status: 0 all that was checked agrees, 1 something does not, 2 the file cannot be read.
"""
import datetime as dt
import decimal
import hashlib
import json
import pathlib
import re
import sys
from decimal import Decimal

decimal.getcontext().prec = 34
decimal.getcontext().rounding = decimal.ROUND_HALF_EVEN
RULES_OF_ROUNDING = {
    "round half up": decimal.ROUND_HALF_UP, "round half down": decimal.ROUND_HALF_DOWN,
    "round up": decimal.ROUND_UP, "round down": decimal.ROUND_DOWN,
    "floor": decimal.ROUND_FLOOR, "ceiling": decimal.ROUND_CEILING,
    "decimal": decimal.ROUND_HALF_EVEN,
}


class Unread(Exception):
    """Something of FEEL that this small reader does not know."""


class Months(int):
    """A duration of years and months."""


# Reading

MARKS = ["**", "..", "<=", ">=", "!=", "+", "-", "*", "/", "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "?"]
WORDS = {"if", "then", "else", "and", "or", "in", "some", "every", "satisfies", "for", "return", "between", "true",
         "false", "null", "instance", "of", "function", "not"}
BUILTINS = {"sum", "count", "min", "max", "abs", "list contains", "all", "any", "append", "concatenate", "flatten",
            "distinct values", "string", "number", "date", "duration", "years and months duration", "modulo", "mean",
            "contains", "starts with", "ends with", "string length", "is defined", "day of week", "sort", "reverse",
            "index of", *RULES_OF_ROUNDING}


def tokens(text, names):
    """Names may hold spaces and marks: the longest that is known wins."""
    known = sorted(names | BUILTINS, key=len, reverse=True)
    out, at = [], 0
    letter = lambda c: c.isalnum() or c == "_"
    while at < len(text):
        c = text[at]
        if c.isspace():
            at += 1
        elif text.startswith("//", at):
            at = (text.find("\n", at) + 1) or len(text)
        elif text.startswith("/*", at):
            at = text.find("*/", at) + 2
        elif c == '"' or text.startswith('@"', at):
            begin = at + (c == "@")
            end = begin + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            value = json.loads(text[begin:end + 1])
            out.append(("at" if c == "@" else "text", value))
            at = end + 1
        elif c.isdigit() and c.isascii():
            number = re.compile(r"\d+(\.\d+)?([eE][+-]?\d+)?").match(text, at).group()
            out.append(("number", Decimal(number)))
            at += len(number)
        elif letter(c):
            word = next((n for n in known if text.startswith(n, at)
                         and not (at + len(n) < len(text) and letter(n[-1]) and letter(text[at + len(n)]))), None)
            if word is None or re.match(r"\w+", text[at:]).group() in WORDS and " " not in word:
                word = re.match(r"\w+", text[at:]).group()
            out.append(("word" if word in WORDS else "name", word))
            at += len(word)
        else:
            mark = next((m for m in MARKS if text.startswith(m, at)), None)
            if mark is None:
                raise Unread(f"`{c}`")
            out.append(("mark", mark))
            at += len(mark)
    return out + [("end", "")]


class Parser:
    """Recursive descent; gives nested tuples."""

    def __init__(self, text, names):
        self.tokens, self.at, self.text = tokens(text, names), 0, text

    def look(self, *values):
        return self.tokens[self.at][0] in ("mark", "word") and self.tokens[self.at][1] in values

    def take(self, *values):
        if self.look(*values):
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def need(self, value):
        if not self.take(value):
            raise Unread(f"`{value}` expected in {self.text!r}")

    def name(self):
        kind, value = self.tokens[self.at]
        if kind not in ("name", "word", "text"):
            raise Unread(f"a name expected in {self.text!r}")
        self.at += 1
        return value

    def whole(self):
        out = self.expression()
        if self.tokens[self.at][0] != "end":
            raise Unread(f"{self.tokens[self.at][1]!r} in {self.text!r}")
        return out

    def expression(self):
        if self.take("if"):
            condition = self.expression()
            self.need("then")
            yes = self.expression()
            self.need("else")
            return ("if", condition, yes, self.expression())
        if self.look("some", "every", "for"):
            how, loops = self.take("some", "every", "for"), []
            while True:
                variable = self.name()
                self.need("in")
                loops.append((variable, self.ranged()))
                if not self.take(","):
                    break
            self.need("return" if how == "for" else "satisfies")
            return (how, loops, self.expression())
        return self.either()

    def ranged(self):
        low = self.sum()
        return ("range", True, low, self.sum(), True) if self.take("..") else low

    def either(self):
        out = self.both()
        while self.take("or"):
            out = ("or", out, self.both())
        return out

    def both(self):
        out = self.comparison()
        while self.take("and"):
            out = ("and", out, self.comparison())
        return out

    def comparison(self):
        out = self.sum()
        while True:
            sign = self.take("=", "!=", "<", "<=", ">", ">=")
            if sign:
                out = ("compare", sign, out, self.sum())
            elif self.take("between"):
                low = self.sum()
                self.need("and")
                out = ("in", out, [("range", True, low, self.sum(), True)])
            elif self.take("in"):
                out = ("in", out, self.tests_after_in())
            else:
                return out

    def tests_after_in(self):
        start = self.at
        if self.take("("):
            try:
                tests = self.tests()
                self.need(")")
                if not self.look(".."):
                    return tests
            except Unread:
                pass
            self.at = start
        return [self.test()]

    def tests(self):
        out = [self.test()]
        while self.take(","):
            out.append(self.test())
        return out

    def test(self):
        sign = self.take("=", "!=", "<", "<=", ">", ">=")
        if sign:
            return ("compare", sign, ("?",), self.sum())
        if self.look("not") and self.tokens[self.at + 1] == ("mark", "("):
            self.at += 2
            out = ("not tests", self.tests())
            self.need(")")
            return out
        return self.sum()

    def sum(self):
        out = self.product()
        while sign := self.take("+", "-"):
            out = ("arith", sign, out, self.product())
        return out

    def product(self):
        out = self.power()
        while sign := self.take("*", "/"):
            out = ("arith", sign, out, self.power())
        return out

    def power(self):
        out = self.minus()
        while self.take("**"):
            out = ("arith", "**", out, self.minus())
        return out

    def minus(self):
        return ("minus", self.minus()) if self.take("-") else self.behind()

    def behind(self):
        out = self.atom()
        while True:
            if self.take("."):
                out = ("path", out, self.name())
            elif self.take("["):
                inner = self.expression()
                self.need("]")
                out = ("filter", out, inner)
            elif self.look("(") and out[0] == "name":
                self.take("(")
                arguments = []
                while not self.look(")"):
                    if self.tokens[self.at][0] == "name" and self.tokens[self.at + 1] == ("mark", ":"):
                        raise Unread("named arguments")
                    arguments.append(self.expression())
                    if not self.take(","):
                        break
                self.need(")")
                out = ("call", out[1], arguments)
            elif self.look("instance"):
                raise Unread("instance of")
            else:
                return out

    def atom(self):
        kind, value = self.tokens[self.at]
        self.at += 1
        if kind in ("number", "text"):
            return ("value", value)
        if kind == "at":
            return ("value", at_literal(value))
        if kind == "name":
            return ("name", value)
        if kind == "word":
            if value in ("true", "false", "null"):
                return ("value", {"true": True, "false": False, "null": None}[value])
            if value == "not" and self.look("("):
                self.need("(")
                inner = self.expression()
                self.need(")")
                return ("not", inner)
            raise Unread(f"`{value}`")
        if value == "?":
            return ("?",)
        if value in ("(", "["):
            items, closed = [], value == "["
            if self.take("]"):
                return ("list", [])
            items.append(self.expression())
            if self.take(".."):
                high = self.sum()
                end = self.take("]", ")", "[")
                return ("range", closed, items[0], high, end == "]")
            while self.take(","):
                items.append(self.expression())
            if value == "(":
                self.need(")")
                return items[0]
            self.need("]")
            return ("list", items)
        if value == "{":
            entries = []
            while not self.look("}"):
                key = self.name()
                self.need(":")
                entries.append((key, self.expression()))
                if not self.take(","):
                    break
            self.need("}")
            return ("context", entries)
        raise Unread(f"`{value}` in {self.text!r}")


def at_literal(text):
    if re.fullmatch(r"-?\d{4,}-\d\d-\d\d", text):
        return dt.date.fromisoformat(text)
    found = re.fullmatch(r"(-?)P(?:(\d+)Y)?(?:(\d+)M)?", text)
    if found and text not in ("P", "-P"):
        months = int(found[2] or 0) * 12 + int(found[3] or 0)
        return Months(-months if found[1] else months)
    found = re.fullmatch(r"(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    if found:
        days, hours, minutes, seconds = (int(found[n] or 0) for n in range(2, 6))
        span = dt.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        return -span if found[1] else span
    raise Unread(f'@"{text}"')


# Computing: null means not known and spreads, but for and, or, and an express test for null

def add_months(day, months):
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    first = dt.date(year, month + 1, 1)
    last = (dt.date(year + (month == 11), (month + 1) % 12 + 1, 1) - dt.timedelta(days=1)).day
    return first.replace(day=min(day.day, last))


def arith(sign, a, b):
    if a is None or b is None:
        return None
    kinds = (type(a), type(b))
    if kinds == (Decimal, Decimal):
        if sign == "/" and b == 0:
            return None
        return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "/": lambda: a / b,
                "**": lambda: a ** b}[sign]()
    if kinds == (str, str) and sign == "+":
        return a + b
    if kinds == (dt.date, dt.date) and sign == "-":
        return a - b
    if isinstance(a, dt.date) and isinstance(b, Months) and sign in "+-":
        return add_months(a, int(b) if sign == "+" else -int(b))
    if isinstance(a, dt.date) and isinstance(b, dt.timedelta) and sign in "+-":
        return a + b if sign == "+" else a - b
    if kinds == (dt.timedelta, dt.timedelta):
        if sign == "/":
            return Decimal(a.days * 86400 + a.seconds) / Decimal(b.days * 86400 + b.seconds)
        return a + b if sign == "+" else a - b
    if kinds == (Months, Months):
        return {"+": lambda: Months(a + b), "-": lambda: Months(a - b),
                "/": lambda: Decimal(int(a)) / Decimal(int(b))}[sign]()
    if isinstance(a, Months) and isinstance(b, Decimal) and sign == "*":
        return Months(int(a * int(b)))
    raise Unread(f"{kinds[0].__name__} {sign} {kinds[1].__name__}")


def equal(a, b):
    if a is None or b is None:
        return a is None and b is None
    if isinstance(a, bool) != isinstance(b, bool):
        return None
    return a == b


def compare(sign, a, b, express_null=False):
    if sign in ("=", "!="):
        if (a is None or b is None) and not express_null:
            return None
        same = equal(a, b)
        return same if sign == "=" or same is None else not same
    if a is None or b is None:
        return None
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


def both(a, b):
    return False if a is False or b is False else (True if a is True and b is True else None)


def either(a, b):
    return True if a is True or b is True else (False if a is False and b is False else None)


def negate(a):
    return None if a is None else not a


class Range:
    def __init__(self, closed_low, low, high, closed_high):
        self.ends = (closed_low, low, high, closed_high)

    def holds(self, value):
        closed_low, low, high, closed_high = self.ends
        above = True if low is None else compare(">=" if closed_low else ">", value, low)
        below = True if high is None else compare("<=" if closed_high else "<", value, high)
        return both(above, below)


MISSING = object()


class Feel:
    def __init__(self, functions):
        self.functions = functions

    def run(self, text, scope):
        names = set(self.functions)
        todo = list(scope)
        while todo:
            part = todo.pop()
            if isinstance(part, dict):
                names.update(k for k in part if isinstance(k, str))
                todo.extend(part.values())
            elif isinstance(part, list):
                todo.extend(part)
        return self.value(Parser(text, names | declared(text)).whole(), scope)

    def name(self, name, scope):
        for part in reversed(scope):
            if isinstance(part, dict) and name in part:
                return part[name]
        return None

    def value(self, e, scope):
        kind = e[0]
        if kind == "value":
            return e[1]
        if kind == "name":
            return self.name(e[1], scope)
        if kind == "?":
            return self.name("?", scope)
        if kind == "if":
            condition = self.value(e[1], scope)
            if condition is None:
                return None
            return self.value(e[2] if condition else e[3], scope)
        if kind == "and":
            a = self.value(e[1], scope)
            return False if a is False else both(a, self.value(e[2], scope))
        if kind == "or":
            a = self.value(e[1], scope)
            return True if a is True else either(a, self.value(e[2], scope))
        if kind == "not":
            return negate(self.value(e[1], scope))
        if kind == "minus":
            a = self.value(e[1], scope)
            return None if a is None else Months(-a) if isinstance(a, Months) else -a
        if kind == "arith":
            return arith(e[1], self.value(e[2], scope), self.value(e[3], scope))
        if kind == "compare":
            express = ("value", None) in (e[2], e[3])
            return compare(e[1], self.value(e[2], scope), self.value(e[3], scope), express)
        if kind == "in":
            return self.tests(self.value(e[1], scope), e[2], scope)
        if kind == "range":
            return Range(e[1], self.value(e[2], scope), self.value(e[3], scope), e[4])
        if kind == "list":
            return [self.value(i, scope) for i in e[1]]
        if kind == "context":
            out = {}
            for key, inner in e[1]:
                out[key] = self.value(inner, [*scope, out])
            return out
        if kind == "path":
            return self.path(self.value(e[1], scope), e[2])
        if kind == "filter":
            return self.filter(self.value(e[1], scope), e[2], scope)
        if kind in ("for", "some", "every"):
            return self.loop(kind, e[1], e[2], scope)
        if kind == "call":
            return self.call(e[1], [self.value(a, scope) for a in e[2]], scope)
        raise Unread(kind)

    def tests(self, value, tests, scope):
        if value is None and not any(t == ("value", None) for t in tests):
            return None
        out, inner = False, [*scope, {"?": value}]
        for test in tests:
            if test[0] == "not tests":
                one = negate(self.tests(value, test[1], scope))
            elif test[0] == "compare" and test[2] == ("?",):
                one = self.value(test, inner)
            else:
                found = self.value(test, inner)
                if isinstance(found, Range):
                    one = found.holds(value)
                elif isinstance(found, list):
                    one = any(i.holds(value) if isinstance(i, Range) else equal(i, value) for i in found)
                elif isinstance(found, bool) and "?" in str(test):
                    one = found
                else:
                    one = compare("=", value, found, test == ("value", None))
            out = either(out, one)
        return out

    def path(self, base, name):
        if isinstance(base, list):
            return [self.path(item, name) for item in base]
        if isinstance(base, dict):
            return base.get(name)
        if isinstance(base, dt.date) and name in ("year", "month", "day", "weekday"):
            return Decimal(base.isoweekday() if name == "weekday" else getattr(base, name))
        if isinstance(base, Months) and name in ("years", "months"):
            return Decimal(int(base) // 12 if name == "years" else int(base) % 12)
        if isinstance(base, dt.timedelta) and name == "days":
            return Decimal(base.days)
        if base is None:
            return None
        raise Unread(f".{name}")

    def filter(self, base, condition, scope):
        if base is None:
            return None
        items = base if isinstance(base, list) else [base]
        kept = []
        for item in items:
            fields = item if isinstance(item, dict) else {}
            found = self.value(condition, [*scope, fields, {"item": item}])
            if isinstance(found, Decimal):
                at = int(found) - 1 if found > 0 else len(items) + int(found)
                return items[at] if 0 <= at < len(items) else None
            if found is None:
                return None
            if found:
                kept.append(item)
        return kept

    def loop(self, kind, loops, body, scope):
        if not loops:
            return [self.value(body, scope)]
        (variable, source), rest = loops[0], loops[1:]
        items = self.value(source, scope)
        if isinstance(items, Range):
            _, low, high, _ = items.ends
            step = 1 if low <= high else -1
            items = [Decimal(n) for n in range(int(low), int(high) + step, step)]
        if items is None:
            return None
        out = []
        for item in items if isinstance(items, list) else [items]:
            inner = [*scope, {variable: item}]
            found = self.loop("for", rest, body, inner) if kind == "for" else [self.loop_one(kind, rest, body, inner)]
            out.extend(found)
        if kind == "for":
            return out
        total = kind == "every"
        for one in out:
            total = both(total, one) if kind == "every" else either(total, one)
        return total

    def loop_one(self, kind, rest, body, scope):
        return self.loop(kind, rest, body, scope) if rest else self.value(body, scope)

    def call(self, name, arguments, scope):
        if name in self.functions:
            parameters, body = self.functions[name]
            # A function of the law sees figures and its parameters.
            return self.run(body, [*scope, dict(zip(parameters, arguments))])
        if name == "is defined":
            return arguments[0] is not None
        if name in ("sum", "count", "min", "max", "mean", "all", "any"):
            items = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], list) else arguments
            if name == "count":
                return None if arguments[0] is None else Decimal(len(items))
            if name in ("all", "any"):
                out = name == "all"
                for item in items:
                    out = both(out, item) if name == "all" else either(out, item)
                return out
            if any(i is None for i in items):
                return None
            if name == "sum":
                return sum(items, Decimal(0)) if items and isinstance(items[0], Decimal) or not items else None
            if not items:
                return None
            return sum(items) / Decimal(len(items)) if name == "mean" else {"min": min, "max": max}[name](items)
        if any(a is None for a in arguments):
            return None
        if name in RULES_OF_ROUNDING:
            places = int(arguments[1]) if len(arguments) > 1 else 0
            return arguments[0].quantize(Decimal(1).scaleb(-places), rounding=RULES_OF_ROUNDING[name])
        if name == "abs":
            return abs(arguments[0])
        if name == "modulo":
            a, b = arguments
            return a - b * (a / b).quantize(Decimal(1), rounding=decimal.ROUND_FLOOR)
        if name == "string":
            return plain(arguments[0])
        if name == "number":
            return Decimal(arguments[0])
        if name == "date":
            if len(arguments) == 3:
                return dt.date(*(int(a) for a in arguments))
            return dt.date.fromisoformat(arguments[0]) if isinstance(arguments[0], str) else arguments[0]
        if name == "duration":
            return at_literal(arguments[0])
        if name == "years and months duration":
            a, b = arguments
            months = (b.year - a.year) * 12 + b.month - a.month
            if months > 0 and b.day < a.day:
                months -= 1
            elif months < 0 and b.day > a.day:
                months += 1
            return Months(months)
        if name == "list contains":
            return any(equal(i, arguments[1]) for i in arguments[0])
        if name == "concatenate":
            return [i for a in arguments for i in a]
        if name == "append":
            return [*arguments[0], *arguments[1:]]
        if name == "distinct values":
            out = []
            for item in arguments[0]:
                if item not in out:
                    out.append(item)
            return out
        if name == "contains":
            return arguments[1] in arguments[0]
        if name == "starts with":
            return arguments[0].startswith(arguments[1])
        if name == "string length":
            return Decimal(len(arguments[0]))
        raise Unread(f"{name}()")


def plain(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.normalize() if value != value.to_integral() else value.quantize(Decimal(1)), "f")
    return str(value)


def declared(text):
    """Names that a text itself brings: loop variables, context keys."""
    loops = re.findall(r"(?:some|every|for|,)\s+(\w+)\s+in\b", text)
    return set(loops) | set(re.findall(r"(\w+)\s*:", text)) | {"item"}


# Checking

class Check:
    def __init__(self, document):
        self.document = document
        self.nodes = document["nodes"]
        self.wrong, self.checked, self.skipped = [], 0, []
        functions = {}
        for f in document["functions"]:
            parameters = [p.split(":")[0].strip() for p in split_list(f["parameters"])]
            functions[f["name"]] = (parameters, f["formula"])
        self.feel = Feel(functions)
        self.values = {}

    def complain(self, text):
        self.wrong.append(text)

    def value_of(self, node):
        if node["id"] not in self.values:
            self.values[node["id"]] = Feel({}).run(node["literal"], [])
        return self.values[node["id"]]

    def scope(self, node):
        """The names in sight of a rule, with the values of what it was made from, and nothing else."""
        day = dt.date.fromisoformat(self.document["day"])
        month = day.replace(day=1)
        top = {"基准日": day, "reference day": day, "月份": month, "month": month}
        home, members = {}, [{} for _ in range(self.document["members"])]
        for id in node["inputs"]:
            made = self.nodes[id]
            value = self.value_of(made)
            if made["kind"] == "parameter":
                top[made["name"]] = value
            elif made["kind"] == "previous":
                top.update({"上期": value, "previous": value})
            elif made["kind"] == "evidence" and made["name"] == "事件":
                top.update({"事件": value, "event": value})
            elif "member" in made:
                members[made["member"]][made["name"]] = value
            else:
                home[made["name"]] = value
        for names in (("成员", "members"),):
            home.update({name: members for name in names})
        if "member" in node:
            own = dict(members[node["member"]])
            return [top, {"家庭": home, "household": home}, own]
        return [top, home]

    def node(self, node):
        label = node["name"] + (f" of member {node['member'] + 1}" if "member" in node else "")
        if any(i >= node["id"] or i < 0 for i in node["inputs"]):
            self.complain(f"{label}: made from what does not stand before it")
            return
        try:
            self.value_of(node)
        except (Unread, ValueError, ArithmeticError) as e:
            self.complain(f"{label}: `{node['literal']}` is no literal ({e})")
            return
        row = node.get("parameter")
        if row:
            self.parameter(label, node, row)
        if node["kind"] != "rule" or not ("formula" in node or "table" in node):
            return
        expected = self.value_of(node)
        try:
            scope = self.scope(node)
            if "formula" in node:
                found = self.feel.run(node["formula"], scope)
            else:
                found, fired = self.table(node["table"], scope)
                if fired != node["table"]["fired"]:
                    self.complain(f"{label}: rows {fired} fire, not {node['table']['fired']}")
        except (Unread, RecursionError) as e:
            self.skipped.append(f"{label}: {e}")
            return
        except (ValueError, ArithmeticError, TypeError, KeyError) as e:
            self.skipped.append(f"{label}: {type(e).__name__} {e}")
            return
        self.checked += 1
        if not same(found, expected):
            self.complain(f"{label}: computed {found}, written {node['literal']}")

    def parameter(self, label, node, row):
        parts = [node["name"], row["written"], row["place"], row["from"], row["to"], row["known_from"],
                 row["source"], row["status"]]
        digest = hashlib.sha256("".join(f"{p or ''}\n" for p in parts).encode()).hexdigest()
        self.checked += 1
        if digest != row["digest"]:
            self.complain(f"{label}: the row's digest is {digest}")
        written = row["written"]
        value = self.value_of(node)
        if isinstance(value, Decimal) and Decimal(written) != value:
            self.complain(f"{label}: {node['literal']} is not the row's {written}")

    def table(self, table, scope):
        inputs = [self.feel.run(text, scope) for text in table["inputs"]]
        fired, unsure = [], False
        for number, row in enumerate(table["tests"], 1):
            hit = True
            for text, value in zip(row, inputs):
                if text.strip() in ("", "-"):
                    continue
                names = declared(text)
                for part in scope:
                    names |= {k for k in part}
                tests = Parser(text, names | set(self.feel.functions))
                parsed = tests.tests()
                hit = both(hit, self.feel.tests(value, parsed, scope))
            if hit is None:
                unsure = True
            if hit and not unsure:
                fired.append(number)
                if table["hit"] in ("F", "U", "A"):
                    break
        if unsure and not fired:
            return None, []
        if not fired:
            return None, []
        values = []
        for number in fired:
            results = [self.feel.run(text, scope) for text in table["results"][number - 1]]
            many = len(table["outputs"]) > 1
            values.append(dict(zip(table["outputs"], results)) if many else results[0])
        hit = table["hit"]
        if hit in ("F", "U", "A"):
            return values[0], fired
        if hit in ("C", "R"):
            return values, fired
        if hit in ("C+", "C<", "C>", "C#"):
            if hit == "C#":
                return Decimal(len(values)), fired
            return {"C+": lambda v: sum(v, Decimal(0)), "C<": min, "C>": max}[hit](values), fired
        raise Unread(f"hit policy {hit}")

    def outcome(self):
        asked, outcome = self.document["decision"], self.document["outcome"]
        if asked["kind"] != "programme":
            return
        decides = {self.nodes[i]["name"]: self.nodes[i] for i in outcome["inputs"]}
        says = {name: self.value_of(node) for name, node in decides.items()}
        name = outcome["name"]
        self.checked += 1
        applies = says.get(asked.get("applies"), True)
        conditions = [(c, says.get(c)) for c in asked.get("conditions", [])]
        false = [c for c, value in conditions if value is False]
        if name == "not-applicable" and applies is not False:
            self.complain("the outcome is not-applicable, and nothing says so")
        if name == "refused" and (not false or false[0] != outcome.get("condition")):
            self.complain(f"the outcome is refused by {outcome.get('condition')}, and false is {false}")
        if name == "entitled":
            open_ones = [c for c, value in conditions if value is not True]
            if open_ones or applies is not True:
                self.complain(f"the outcome is entitled, and {open_ones} does not hold")
            if "amount" in outcome and Decimal(outcome["amount"]) != says.get(asked["amount"]):
                self.complain(f"the amount is {outcome['amount']}, its rule gives {says.get(asked['amount'])}")

    def law(self, folder):
        for one in self.document["law"]["instruments"]:
            path = pathlib.Path(folder) / one["file"]
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
            self.checked += 1
            if digest != one["digest"]:
                self.complain(f"{one['number']}: the file {one['file']} has the digest {digest}")


def split_list(text):
    return [part for part in re.split(r"[,，]", text) if part.strip()]


def same(a, b):
    if isinstance(a, Decimal) and isinstance(b, Decimal):
        return a == b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


# The schema: the part of JSON Schema that ours uses

def schema_errors(value, schema, root, at="$"):
    if "$ref" in schema:
        target = root
        for key in schema["$ref"].removeprefix("#/").split("/"):
            target = target[key]
        return schema_errors(value, target, root, at)
    unknown = set(schema) - {"$schema", "$id", "$defs", "title", "description", "type", "const", "enum", "pattern",
                             "format", "properties", "required", "additionalProperties", "items", "minimum", "anyOf"}
    if unknown:
        raise Unread(f"schema words {unknown}")
    errors = []
    if "anyOf" in schema and all(schema_errors(value, s, root, at) for s in schema["anyOf"]):
        errors.append(f"{at}: fits none of {len(schema['anyOf'])} forms")
    kinds = schema.get("type")
    if kinds is not None:
        is_of = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
        def fits(kind):
            if kind in ("integer", "number"):
                number = isinstance(value, (int, float)) and not isinstance(value, bool)
                return number and (kind == "number" or isinstance(value, int))
            return isinstance(value, is_of[kind])
        if not any(fits(k) for k in (kinds if isinstance(kinds, list) else [kinds])):
            return [*errors, f"{at}: not of type {kinds}"]
    if "const" in schema and value != schema["const"]:
        errors.append(f"{at}: not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        errors.append(f"{at}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        errors.append(f"{at}: {value!r} does not match {schema['pattern']}")
    if "minimum" in schema and isinstance(value, (int, float)) and value < schema["minimum"]:
        errors.append(f"{at}: below {schema['minimum']}")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        errors += [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
        for name, inner in value.items():
            if name in properties:
                errors += schema_errors(inner, properties[name], root, f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                errors.append(f"{at}: {name} is not known")
    if isinstance(value, list) and "items" in schema:
        for n, inner in enumerate(value):
            errors += schema_errors(inner, schema["items"], root, f"{at}[{n}]")
    return errors


def check_file(name, schema, law):
    """What is wrong, what was not checked, and how much was."""
    text = pathlib.Path(name).read_text("utf-8")
    document = json.loads(text, parse_float=Decimal)
    if document.get("format") != "minsheng-explanation/1":
        raise ValueError(f"the format is {document.get('format')!r}")
    wrong = schema_errors(json.loads(text), schema, schema) if schema else []
    if wrong:
        return wrong, [], 0
    check = Check(document)
    for node in check.nodes:
        check.node(node)
    check.outcome()
    if law:
        check.law(law)
    return check.wrong, check.skipped, check.checked


def main(arguments):
    options, files = {}, []
    rest = iter(arguments)
    for argument in rest:
        if argument in ("--schema", "--law"):
            options[argument] = next(rest, "")
        else:
            files.append(argument)
    if not files:
        print(__doc__, file=sys.stderr)
        return 2
    totals = [0, 0, 0]
    for name in files:
        try:
            schema = options.get("--schema")
            schema = schema and json.loads(pathlib.Path(schema).read_text("utf-8"))
            wrong, skipped, checked = check_file(name, schema, options.get("--law"))
        except (OSError, ValueError, KeyError, AttributeError) as e:
            print(f"{name}: {e}", file=sys.stderr)
            return 2
        for text in wrong:
            print(f"{name}: wrong: {text}")
        for text in skipped:
            print(f"{name}: not checked: {text}")
        totals = [totals[0] + checked, totals[1] + len(skipped), totals[2] + len(wrong)]
    print(f"{totals[0]} checked, {totals[1]} not checked, {totals[2]} wrong")
    return 1 if totals[2] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
