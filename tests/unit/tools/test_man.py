#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The man pages and doc/interface.md against what the programs say of themselves (--help), and what gen-man makes of
Markdown. The programs are named by the environment variables ESPGW and ESPGWCTL."""
import importlib.machinery
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
OPTION = re.compile(r"--[a-z][a-z-]*")


def gen_man():
    loader = importlib.machinery.SourceFileLoader("gen_man", os.path.join(ROOT, "tools", "gen-man"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("gen_man", loader))
    loader.exec_module(module)
    return module


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def options_of(program):
    """Each option of --help by the lines that begin with it: "  -f, --file PATH   …"."""
    out = subprocess.run([os.environ[program], "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^ +(?:-[a-zA-Z], +)?(--[a-z-]+)", out, re.MULTILINE))


class Options(unittest.TestCase):
    def test_espgw(self):
        rows = re.findall(r"^\| (`-.*?) \|", text_of("doc/interface.md").split("## Prompt")[0], re.MULTILINE)
        documented = {option for row in rows for option in OPTION.findall(row)}
        self.assertEqual(options_of("ESPGW"), documented)

    def test_espgwctl(self):
        rows = re.findall(r"^\*(?:-[a-z], )?(--[a-z-]+)\*", text_of("doc/man/espgwctl.1.scd"), re.MULTILINE)
        self.assertEqual(options_of("ESPGWCTL"), set(rows))


class Markdown(unittest.TestCase):
    def test_conversion(self):
        rows = [
            (["A `b_c` **d** [e](f.md) *g*."], ["A *b\\_c* *d* e \\*g\\*.", ""]),
            (["kept ([why](x.md)); so"], ["kept; so", ""]),
            (["of `two", "lines` here"], ["of *two lines* here", ""]),
            (["-x", "y"], ["\\-x y", ""]),
            (["| k | type | default | m |", "|---|---|---|---|", "| `a` | n | 1 | x |", "| `b` | | required | y |"],
             ["*a* (n; default 1)", "\tx", "", "*b* (required)", "\ty", ""]),
            (["    a = 1;", "", "    b = 2;", "", "text"], ["```", "a = 1;", "", "b = 2;", "```", "", "text", ""]),
            (["- one", "  more", "- two"], ["- one more", "- two", ""]),
            (["### `h`"], ["## h", ""]),
        ]
        for lines, wanted in rows:
            with self.subTest(lines):
                self.assertEqual(list(gen_man().convert(lines)), wanted)

    def test_a_row_too_short(self):
        module = gen_man()
        with self.assertRaises(module.Wrong):
            list(module.convert(["| a | b |", "|---|---|", "| 1 |"]))

    def test_a_section_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in (("page.scd.in", "@section doc.md No such\n"), ("doc.md", "## Other\n\ntext\n")):
                with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
                    out.write(text)
            result = subprocess.run([os.path.join(ROOT, "tools", "gen-man"), os.path.join(folder, "page.scd.in")],
                                    capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn('has no section "No such"', result.stderr)


@unittest.skipUnless(shutil.which("scdoc") and shutil.which("man"), "scdoc and man are needed")
class Pages(unittest.TestCase):
    def render(self, source):
        roff = subprocess.run(["scdoc"], input=source, capture_output=True, text=True, check=True).stdout
        with tempfile.NamedTemporaryFile("w", suffix=".8") as page:
            page.write(roff)
            page.flush()
            result = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page.name], capture_output=True, text=True,
                                    check=False, env=dict(os.environ, MANWIDTH="100", LC_ALL="C.UTF-8"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def generated(self, template):
        return subprocess.run([os.path.join(ROOT, "tools", "gen-man"), os.path.join(ROOT, template)], capture_output=True,
                              text=True, check=True).stdout

    def test_espgwctl(self):
        self.assertIn("--keep-going", self.render(text_of("doc/man/espgwctl.1.scd")))

    def test_espgw(self):
        text = self.render(self.generated("doc/man/espgw.8.scd.in"))
        for option in options_of("ESPGW"):
            self.assertIn(option, text)

    def test_espgw_conf(self):
        text = self.render(self.generated("doc/man/espgw.conf.5.scd.in"))
        for key in re.findall(r"^\| `([a-z_0-9]+)` \|", text_of("doc/configuration.md"), re.MULTILINE):
            self.assertRegex(text, rf"(?m)^ +{key}( |$)")


if __name__ == "__main__":
    unittest.main()
