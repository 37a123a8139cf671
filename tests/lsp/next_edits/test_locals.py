"""Local variables are followed in the languages with braces."""

import re

import pytest
from marked_edits import followed, unchanged

FOLLOWED = [
    ("javascript", "function f() {\n  let ⟦sum→total⟧ = 0;\n  return { total: sum };\n}\n", 3),
    ("javascript", "function f(⟦total→amount⟧, b) {\n  return b + total * o.total;\n}\n", 2),
    ("javascript", "const f = (⟦x→item⟧) => x + 1;\n", 2),
    ("javascript", "function f() {\n  let ⟦n→count⟧ = 0;\n  for (const a of b) { n += a; }\n  return n;\n}\n", 3),
    ("javascript", "function f() {\n  const n = 0;\n  g(n);\n  return ⟦n→count⟧;\n}\n", 3),
    ("typescript", "function f(⟦total→amount⟧: number): number {\n  return total;\n}\n", 2),
    ("typescriptreact", "function F(⟦a→b⟧: number) {\n  return <div>{a}</div>;\n}\n", 2),
    ("go", "func f(⟦total→amount⟧ int) int {\n\treturn total + o.total\n}\n", 2),
    ("go", "func f() {\n\t⟦x→y⟧, err := g()\n\th(x, err)\n}\n", 2),
    ("go", "func f(a []int) {\n\tfor _, ⟦x→item⟧ := range a {\n\t\th(x)\n\t}\n}\n", 2),
    ("rust", "fn f(⟦total→amount⟧: i32) -> i32 {\n    total + o.total\n}\n", 2),
    ("rust", "fn f() {\n    let mut ⟦n→count⟧ = 0;\n    n += 1;\n    g(n);\n}\n", 3),
    ("rust", 'fn f() {\n    let ⟦n→count⟧ = 0;\n    println!("{}", n);\n}\n', 2),
    ("java", "class A {\n  int f(int ⟦total→amount⟧) {\n    return total + this.total + total();\n  }\n}\n", 2),
    ("java", "class A {\n  void f() {\n    for (int ⟦i→n⟧ : a) { g(i); }\n  }\n}\n", 2),
    ("c", "int f(int ⟦total→amount⟧) {\n  return total + o->total;\n}\n", 2),
    ("c", "void f(char *⟦s→text⟧) {\n  int n = 3;\n  g(s, n);\n}\n", 2),
    ("cpp", "int f(const A &⟦a→first⟧) {\n  return a.b + a.a;\n}\n", 3),
    ("cpp", "void f() {\n  for (auto ⟦x→item⟧ : v) { g(x); }\n}\n", 2),
]


@pytest.mark.parametrize(("language", "marked", "count"), FOLLOWED)
def test_other_occurrences_follow(language: str, marked: str, count: int) -> None:
    new = re.findall("→(.*?)⟧", marked)[0]
    assert re.findall(r"\w+", followed(marked, language)).count(new) == count


SILENT = [
    ("javascript", "function f() {\n  let ⟦sum→total⟧ = 0;\n  return { total, sum: sum };\n}\n"),
    ("javascript", "function f(⟦a→b⟧) {\n  return (a) => a;\n}\n"),
    ("javascript", "let ⟦a→b⟧ = 1;\nfunction f(a) { return a; }\n"),
    ("javascript", "function f(⟦a→b⟧) {\n  return { a };\n}\n"),
    ("javascript", "function f(⟦a→b⟧) {\n  g('a', o.a); // a\n}\n"),
    ("javascript", "function f() {\n  { let ⟦a→b⟧ = 1; }\n  return a;\n}\n"),
    ("javascript", "function f(a) {\n  let b = 1;\n  return a + ⟦a→b⟧;\n}\n"),
    ("typescript", "function f(⟦a→b⟧: number) {\n  if (\n}\nlet a = 1;\n"),
    ("go", "func f() {\n\t⟦a→b⟧ := 1\n\tif x {\n\t\ta := 2\n\t\tg(a)\n\t}\n}\n"),
    ("go", "func f(⟦a→b⟧ int) T {\n\treturn T{a: 1}\n}\n"),
    ("rust", "fn f(⟦a→b⟧: i32) -> T {\n    let a = a + 1;\n    T { x: a }\n}\n"),
    ("rust", "fn f(⟦a→b⟧: i32) -> T {\n    T { a }\n}\n"),
    ("java", "class A {\n  int total;\n  int f() { return ⟦total→amount⟧; }\n}\n"),
    ("c", "int total;\nint f() { return ⟦total→amount⟧; }\n"),
    ("cpp", "int f() {\n  return ⟦g→h⟧(1) + g(2);\n}\n"),
]


@pytest.mark.parametrize(("language", "marked"), SILENT)
def test_nothing_else_follows(language: str, marked: str) -> None:
    assert unchanged(marked, language)
