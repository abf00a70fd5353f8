#!/usr/bin/env python3
"""Compares chat-render with Jinja on random conversations and templates.

    chat_differential.py BUILD/bin/chat-render [--cases N] [--seed S] [--templates FOLDER...]

Needs jinja2 only; the environment is the one that transformers makes. Prints
each difference as one line of JSON, and exits with 1 if there is any. A case
where Jinja fails counts as equal where we fail too; where a template raises by
raise_exception, the message has to be the same. A construct that chat-render
refuses by name ("not supported") is counted, not compared.
"""
import argparse, glob, json, os, random, subprocess, sys
from datetime import datetime, timezone

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_support"), [], [], body).set_lineno(line)

    def _support(self, caller):
        return caller()


class Namespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        attributes = dict(*args, **kwargs)
        for name in attributes:
            Namespace.check(name)
        jinja2.utils.Namespace.__init__(self, attributes)

    def __setitem__(self, name, value):
        Namespace.check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError("underscore")


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda f: datetime.fromtimestamp(1700000000).strftime(f)
    env.globals["namespace"] = Namespace
    return env


# ------------------------------------------------------------------ conversations
TEXTS = ["", " ", "a", "Hello!", "  What colour is snow?  ", "1 + 1?\nThink.", "b\n", "\n\nx\n\n", "é😀 ß ﬁ İ Σας",
         "<think>\nhm\n</think>\n\nYes", "<tool_response>1</tool_response>", "don't \"quote\" \\ it", "a\r\nb\tc", "/no_think be brief",
         "{{ not a template }} {% x %} {# y #}", "<|im_start|>system", "x" * 50, "a-b (c) [d]", "Kelvin K", "\u3000wide\u2003space\u00a0"]


def text(r):
    return r.choice(TEXTS) if r.random() < 0.7 else " ".join(r.choice(TEXTS) for _ in range(r.randrange(4)))


def scalar(r):
    return r.choice([None, True, False, 0, 1, -3, 42, 10**12, 1.5, -0.25, 1e16, 1e-7, 3.0, "x", "", "é"])


def value(r, depth=0):
    if depth > 2 or r.random() < 0.5:
        return scalar(r) if r.random() < 0.6 else text(r)
    if r.random() < 0.5:
        return [value(r, depth + 1) for _ in range(r.randrange(4))]
    return {r.choice(["a", "b", "name", "type", "items", "text", "keys", "Z"]): value(r, depth + 1) for _ in range(r.randrange(4))}


def tool(r):
    kinds = ["string", "integer", "number", "array", "boolean"]
    properties = {}
    for name in r.sample(["city", "days", "unit", "list", "Opt"], r.randrange(4)):
        properties[name] = {"type": r.choice(kinds), "description": text(r)}
        if properties[name]["type"] == "array" and r.random() < 0.7:
            properties[name]["items"] = {"type": r.choice(kinds)}
        if r.random() < 0.3:
            properties[name]["enum"] = ["a", "b"]
    return {"type": "function", "function": {"name": r.choice(["get_weather", "f"]), "description": text(r),
            "parameters": {"type": "object", "properties": properties, "required": list(properties)[:1]}}}


def message(r, role):
    m = {"role": role, "content": text(r)}
    if role == "assistant" and r.random() < 0.2:
        m["tool_calls"] = [{"type": "function", "id": r.choice(["abcdefghi", "x"]),
                            "function": {"name": "f", "arguments": r.choice([{"a": 1, "b": [1, {"c": "é"}]}, "{\"a\": 1}", {}])}}
                           for _ in range(r.randrange(1, 3))]
        if r.random() < 0.5:
            m["content"] = None
    if role == "assistant" and r.random() < 0.15:
        m["reasoning_content"] = r.choice([text(r), None])
    if role == "tool":
        m["tool_call_id"] = "abcdefghi"
        m["name"] = "f"
        if r.random() < 0.3:
            m["content"] = {"content": 42}
    if role == "user" and r.random() < 0.1:
        m["content"] = [{"type": "text", "text": text(r)}, {"type": "image"}, {"type": "text", "text": text(r)}]
    if r.random() < 0.02:
        del m["content"]
    return m


def variables(r):
    messages = []
    if r.random() < 0.4:
        messages.append(message(r, "system"))
    if r.random() < 0.8:  # well-formed
        for i in range(r.randrange(1, 7)):
            messages.append(message(r, "user" if i % 2 == 0 else "assistant"))
            if messages[-1].get("tool_calls") and r.random() < 0.7:
                messages.append(message(r, "tool"))
    else:
        for i in range(r.randrange(0, 6)):
            messages.append(message(r, r.choice(["user", "assistant", "system", "tool", "odd"])))
    v = {"messages": messages, "add_generation_prompt": r.random() < 0.7}
    if r.random() < 0.9:
        v["bos_token"] = r.choice(["<s>", "<|begin_of_text|>", ""])
    if r.random() < 0.9:
        v["eos_token"] = r.choice(["</s>", "<|im_end|>"])
    if r.random() < 0.3:
        v["tools"] = [tool(r) for _ in range(r.randrange(0, 3))]
    elif r.random() < 0.5:
        v["tools"] = None
    if r.random() < 0.3:
        v["documents"] = r.choice([None, [{"title": "t", "text": "two\nlines\n\nend"}], []])
    if r.random() < 0.3:
        v["enable_thinking"] = r.random() < 0.5
    if r.random() < 0.2:
        v["controls"] = {"length": "short"}
    v["x"] = value(r)
    v["y"] = value(r)
    return v


# ---------------------------------------------------------------- random templates
FILTERS = ["trim", "upper", "lower", "title", "capitalize", "length", "count", "string", "safe", "list", "first", "last", "reverse",
           "unique", "items", "dictsort", "int", "float", "abs", "tojson", "sort", "sum", "max", "min", "e", "escape", "d('z')",
           "default('dflt', true)", "replace('a', 'bb')", "replace('', '-')", "join(', ')", "join", "indent", "indent(2, true)", "indent('> ', blank=true)",
           "tojson(indent=2)", "tojson(indent=1, sort_keys=true)", "tojson(ensure_ascii=true)", "tojson(separators=(',', ':'))",
           "map('upper')", "map(attribute='role')", "map(attribute='content', default='none')", "selectattr('role', 'equalto', 'user')",
           "rejectattr('role', 'eq', 'user')", "selectattr('content')", "select('string')", "reject('none')", "select", "map('length')",
           "batch(2)", "round", "round(1, 'floor')", "map('string')", "sort(reverse=true)", "trim('ab ')", "dictsort(by='value')", "forceescape",
           "unique(case_sensitive=true)", "map('default', 'q')", "attr('x')", "format(1, 2)", "sort(attribute='role')", "select('in', [1, 'x'])"]
TESTS = ["defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "boolean", "true", "false", "equalto('a')",
         "eq 1", "in ['a', 1]", "odd", "even", "divisibleby 3", "integer", "float", "lower", "upper", "sameas true", "gt(1)", "callable", "ne 'x'"]
METHODS = ["strip()", "lstrip()", "rstrip()", "strip('a ')", "split()", "split('\\n')", "split(' ', 1)", "rsplit(' ', 1)", "rsplit()", "split(None, 1)",
           "rsplit(None, 2)", "startswith('<')", "endswith('\\n')", "upper()", "lower()", "title()", "capitalize()", "replace('a', 'b')", "replace('', '.', 2)",
           "find('o')", "count('a')", "splitlines()", "splitlines(true)", "isdigit()", "isalpha()", "isupper()", "swapcase()", "partition(' ')", "rpartition(' ')",
           "removeprefix('a')", "removesuffix('\\n')", "items()", "keys()", "values()", "get('role')", "get('nope', 1)", "copy()", "index('user')",
           "join(['p', 'q'])", "isspace()", "isalnum()", "islower()", "startswith(('a', '<'))", "rfind('a')"]
NAMES = ["messages", "messages[0]", "messages[-1]", "x", "y", "tools", "nope", "add_generation_prompt", "bos_token", "messages[0].content",
         "messages[0]['role']", "m", "loop", "ns.a", "range(4)", "range(5, 0, -2)", "'abc'", "'Straße ﬁ'", "\"it's\"", "[1, 2, 3]", "['b', 'A', 'a']",
         "{'k': 1, 'j': [2]}", "(1, 2)", "42", "-7", "2.5", "0", "true", "none", "''", "[]", "{}", "messages[0].content[1:]", "x[0]", "x.a", "y['items']", "x.items",
         "loop.index", "loop.last", "dict(a=1, b='c')", "mac('q')", "mac(b=x)", "1e20", "0.1", "1_000", "'\\u00e9\\n\\x41'", "namespace(a=1)"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "and", "or", "in", "not in"]


def expression(r, depth=0):
    k = r.random()
    if depth > 3 or k < 0.3:
        return r.choice(NAMES)
    sub = lambda: expression(r, depth + 1)
    if k < 0.45:
        return f"({sub()})|{r.choice(FILTERS)}"
    if k < 0.53:
        return f"({sub()}).{r.choice(METHODS)}"
    if k < 0.68:
        op = r.choice(OPERATORS)
        if op == "**":  # of small numbers
            return f"{r.randrange(5)} ** {r.randrange(5)}"
        return f"({sub()}) {op} ({sub()})"
    if k < 0.75:
        return f"({sub()}) is {r.choice(['', 'not '])}{r.choice(TESTS)}"
    if k < 0.82:
        return f"({sub()}){r.choice(['[0]', '[-1]', '[1:]', '[::-1]', '[:-1]', '[1:3]', '.role', '.length', '[99]', '[::2]', '[-2:]', '[true]'])}"
    if k < 0.88:
        return f"({sub()} if {sub()} else {sub()})" if r.random() < 0.7 else f"({sub()} if {sub()})"
    if k < 0.92:
        return f"not ({sub()})"
    if k < 0.95:
        return f"[{sub()}, {sub()}]"
    if k < 0.97:
        return f"{{'a': {sub()}, 'b': {sub()}}}"
    return f"({sub()}) ~ {sub()} ~ 'z'" if r.random() < 0.8 else f"{sub()} < {sub()} <= {sub()}"


SPACES = ["", "", " ", "\n", "  ", "\n    ", " \n", "\n\n", "\t", "text", "a\n", "{", "}", "% ", "#}"]


def tag(r, body):
    return "{%" + r.choice(["", "", "-", "+"]) + " " + body + " " + r.choice(["", "", "-", "+"]) + "%}"


def block(r, depth=0):
    k = r.random()
    gap = r.choice(SPACES)
    if depth > 3 or k < 0.35:
        return gap + "{{" + r.choice(["", "", "-"]) + " " + expression(r, 1) + " " + r.choice(["", "", "-"]) + "}}"
    inner = lambda: "".join(block(r, depth + 1) for _ in range(r.randrange(1, 3))) + r.choice(SPACES)
    if k < 0.5:
        middle = tag(r, "elif " + expression(r, 2)) + inner() if r.random() < 0.3 else ""
        other = tag(r, "else") + inner() if r.random() < 0.5 else ""
        return gap + tag(r, "if " + expression(r, 1)) + inner() + middle + other + tag(r, "endif")
    if k < 0.67:
        target = r.choice(["m", "m", "m", "k, v"])
        over = r.choice(["messages", "messages", "x", "range(3)", "y", "x.items()", "messages[0]|items", "messages|reverse", "messages[1:]"])
        cond = " if " + expression(r, 2) if r.random() < 0.2 else ""
        other = tag(r, "else") + inner() if r.random() < 0.3 else ""
        control = tag(r, "if " + expression(r, 2)) + tag(r, r.choice(["break", "continue"])) + tag(r, "endif") if r.random() < 0.2 else ""
        return gap + tag(r, f"for {target} in {over}{cond}") + control + inner() + other + tag(r, "endfor")
    if k < 0.8:
        # Not a name of the variables: where such a name is set behind its use,
        # Jinja takes it for unset before, and we for the variable.
        name = r.choice(["m", "n", "ns.a", "ns.b"])
        if r.random() < 0.25:
            f = "|" + r.choice(["trim", "upper", "length"]) if r.random() < 0.4 else ""
            return gap + tag(r, f"set {name}{f}") + inner() + tag(r, "endset")
        return gap + tag(r, f"set {name} = " + expression(r, 1))
    if k < 0.84:
        return gap + tag(r, f"macro {r.choice(['mac', 'other'])}(a, b='d', c=x)") + inner() + "{{ a }}{{ b }}" + tag(r, "endmacro")
    if k < 0.87:
        return gap + "{#" + r.choice(["", "-", "+"]) + " note " + r.choice(["", "-", "+"]) + "#}"
    if k < 0.9:
        return gap + tag(r, "raw") + r.choice(SPACES) + "{{ x }}" + r.choice(SPACES) + tag(r, "endraw")
    if k < 0.93:
        return gap + tag(r, "generation") + inner() + tag(r, "endgeneration")
    if k < 0.95:
        return gap + tag(r, "filter " + r.choice(["upper", "trim", "replace('a', 'o')|trim"])) + inner() + tag(r, "endfilter")
    if k < 0.97:
        return gap + tag(r, "with q = " + expression(r, 2)) + "{{ q }}" + inner() + tag(r, "endwith")
    return gap + tag(r, "call mac(1)") + inner() + tag(r, "endcall")


def template(r):
    start = "{% set ns = namespace(a=1, b='t') %}{% macro mac(a, b=2) %}<{{ a }}|{{ b }}>{% endmacro %}"
    return start + "".join(block(r) for _ in range(r.randrange(1, 4))) + r.choice(SPACES)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("render")
    parser.add_argument("--cases", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--templates", nargs="*", default=None)
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--golden", help="write cases that agree to this file: for each template some, and as many random ones")
    args = parser.parse_args()
    here = os.path.dirname(os.path.abspath(__file__))
    folders = args.templates or [os.path.join(here, "..", "Inputs", "chat")]
    files = sorted(f for folder in folders for f in glob.glob(os.path.join(folder, "*.jinja")))
    fixed = [open(f, encoding="utf-8", newline="").read() for f in files]
    env = environment()
    compiled = {}
    r = random.Random(args.seed)
    golden, per = [], {}
    counts = dict(cases=0, texts=0, errors=0, unsupported=0, ours_only=0, different=0)
    batch = 2000
    done = 0
    while done < args.cases:
        jobs = []
        for _ in range(min(batch, args.cases - done)):
            source = r.choice(fixed) if fixed and r.random() < 0.4 else template(r)
            jobs.append({"template": source, "variables": variables(r)})
        done += len(jobs)
        process = subprocess.run([args.render], input="".join(json.dumps(j) + "\n" for j in jobs).encode(), stdout=subprocess.PIPE)
        if process.returncode != 0:
            sys.exit(f"chat-render ended with {process.returncode}")
        answers = [json.loads(line) for line in process.stdout.decode().splitlines()]
        assert len(answers) == len(jobs)
        for job, ours in zip(jobs, answers):
            counts["cases"] += 1
            said = ours.get("refused") or ours.get("error") or ""
            if "not supported" in said or "2^63" in said or "cannot be written as text" in said or "too large" in said \
                    or "has no slices" in said:  # Jinja folds constants, and then has another opinion
                counts["unsupported"] += 1
                continue
            try:
                source = job["template"]
                if source not in compiled:
                    if len(compiled) > 500:
                        compiled.clear()
                    compiled[source] = env.from_string(source)
                theirs = {"text": compiled[source].render(**job["variables"])}
            except jinja2.exceptions.TemplateSyntaxError as e:
                theirs = {"error": str(e)}
            except jinja2.exceptions.UndefinedError as e:
                theirs = {"error": str(e)}
            except jinja2.exceptions.TemplateError as e:
                theirs = {"error": str(e), "raised": type(e) is jinja2.exceptions.TemplateError}
            except Exception as e:
                theirs = {"error": f"{type(e).__name__}: {e}"}
            if "text" in theirs:
                counts["texts"] += 1
                same = ours.get("text") == theirs["text"]
            else:
                counts["errors"] += 1
                same = "text" not in ours
                if theirs.get("raised"):
                    same = ours.get("raised") and ours["error"] == theirs["error"]
            if same and args.golden:
                which = files[fixed.index(job["template"])] if job["template"] in fixed else ""
                if per.get(which, 0) < (8 if which else 150) and len(json.dumps(job)) < 3000:
                    per[which] = per.get(which, 0) + 1
                    case = {"file": os.path.basename(which)} if which else {"template": job["template"]}
                    case["variables"] = job["variables"]
                    case.update(theirs if "text" in theirs or theirs.get("raised") else {"fails": True})
                    golden.append(case)
            if not same:
                counts["different"] += 1
                if counts["different"] <= args.show:
                    print(json.dumps({"ours": ours, "theirs": theirs, **job}))
    if args.golden:
        golden.sort(key=lambda c: (c.get("file", "~"), len(json.dumps(c))))
        with open(args.golden, "w") as f:
            f.write("[\n" + ",\n".join(json.dumps(c) for c in golden) + "\n]\n")
    print(json.dumps(counts), file=sys.stderr)
    return 1 if counts["different"] else 0


if __name__ == "__main__":
    sys.exit(main())
