#!/usr/bin/env python3
"""A check that never fails checks nothing: each is shown a clean tree and one planted violation."""
import json
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class check(unittest.TestCase):
    """A scratch tree, and the exit code and output of a script that looks at it."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.tree = pathlib.Path(scratch.name)

    def write(self, path, text):
        file = self.tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def run_script(self, script, *args):
        done = subprocess.run([ROOT / "scripts" / script, *args], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def assert_clean(self, script, *args):
        code, output = self.run_script(script, *args)
        self.assertEqual(code, 0, output)

    def assert_refused(self, words, script, *args):
        code, output = self.run_script(script, *args)
        self.assertEqual(code, 1, output)
        self.assertIn(words, output)


class layers(check):
    def root(self):
        return "--root", self.tree

    def test_a_layer_may_include_what_stands_above_it(self):
        self.write("include/equus/stream.hpp", "#include <equus/base/ids.hpp>\n#include <vector>\n")
        self.write("src/runtime/table.cpp", '#include "table.hpp"\n#include <equus/stream.hpp>\n')
        self.write("src/runtime/table.hpp", "")
        self.write("src/transport/tcp.cpp", "#include <asio.hpp>\n")
        self.write("src/host/launcher.cpp", '#include "runtime/table.hpp"\n')
        self.assert_clean("check-layers", *self.root())

    def test_base_may_not_include_the_application_layer(self):
        self.write("include/equus/base/ids.hpp", "#include <equus/stream.hpp>\n")
        self.assert_refused("base must not include application", "check-layers", *self.root())

    def test_nobody_reaches_around_the_door_of_the_kernel(self):
        self.write("src/runtime/table.hpp", "")
        self.write("src/transport/tcp.cpp", '#include "../runtime/table.hpp"\n')
        self.write("src/services/space.cpp", "#include <equus/kernel/kernel.hpp>\n")
        self.assert_refused("tcp.cpp:1: src/transport must not include src/runtime",
                            "check-layers", *self.root())
        self.assert_refused("space.cpp:1: src/services must not include kernel door",
                            "check-layers", *self.root())

    def test_samples_see_public_headers_only(self):
        self.write("src/config/parser.hpp", "")
        self.write("samples/hello/hello.cpp", '#include "config/parser.hpp"\n')
        self.assert_refused("samples must not include src/config", "check-layers", *self.root())

    def test_the_configuration_values_do_not_open_the_rest_of_the_application_layer(self):
        self.write("src/config/check.cpp", "#include <equus/rdc_place.hpp>\n")
        self.assert_clean("check-layers", *self.root())
        self.write("src/config/check.cpp", "#include <equus/stream.hpp>\n")
        self.assert_refused("src/config must not include application", "check-layers", *self.root())

    def test_the_kernel_includes_no_hosted_library_header(self):
        self.write("src/runtime/table.cpp", "#include <vector>\n#  include <thread>\n")
        self.assert_refused("table.cpp:2: <thread>", "check-layers", *self.root())


    def test_the_kernel_takes_the_running_incarnation_through_its_guard_only(self):
        self.write("src/runtime/table.cpp",
                   "auto* inc = static_cast<incarnation_record*>(running());\n")
        self.assert_refused("table.cpp:1: a function that applications call begins with kernel_entry",
                            "check-layers", *self.root())


class symbols(check):
    def archive(self, source):
        self.write("unit.cpp", source)
        subprocess.run(["g++", "-c", "-fno-exceptions", "unit.cpp", "-o", "unit.o"],
                       cwd=self.tree, check=True)
        subprocess.run(["ar", "rcs", "libunit.a", "unit.o"], cwd=self.tree, check=True)
        return "--nm", "nm", "--list", self.write("list.txt", "# reason\nmemc*\n"), \
            self.tree / "libunit.a"

    def test_an_undefined_symbol_outside_the_list_is_refused(self):
        source = "extern \"C\" int memcmp(const void*, const void*, unsigned long);\n" \
                 "int helper(); int used(int n) { return n + memcmp(\"a\", &n, 1); }\n"
        self.assert_clean("check-symbols", *self.archive(source))
        self.assert_refused("helper(): needed by libunit.a:unit.o", "check-symbols",
                            *self.archive(source + "int more() { return helper() + used(1); }\n"))

    def test_a_build_without_archives_is_not_clean(self):
        code, _ = self.run_script("check-symbols", "--build", self.tree)
        self.assertEqual(code, 2)


class mutants(check):
    def test_a_planted_bug_in_an_archive_is_refused(self):
        source = self.write("src/a.cpp", "if (EQUUS_MUTANT(skips_gaps)) EQUUS_SOMETIMES(gap);\n").parent
        clean = self.write("clean.a", "skips_gaps_in_a_symbol\0gap \0")
        planted = self.write("planted.a", "\0skips_gaps\0 \0gap\0")
        half = self.write("half.a", "\0skips_gaps\0")
        self.assert_clean("check-mutants", "--source", source, clean)
        self.assert_refused("skips_gaps is in half.a", "check-mutants", "--source", source, clean, half)
        self.assert_clean("check-mutants", "--present", "--source", source, clean, planted)
        self.assert_refused("gap is in no archive", "check-mutants", "--present", "--source", source,
                            half)


class formatting(check):
    good = "// A concept.\n#pragma once\n\nnamespace equus {\n\nint f();\n\n} // namespace equus\n"

    def test_a_badly_formatted_file_is_refused(self):
        self.write(".clang-format", (ROOT / ".clang-format").read_text())
        self.assert_clean("check-format", self.write("good.hpp", self.good))
        self.assert_refused("clang-format", "check-format",
                            self.write("bad.hpp", self.good.replace("int f", "int   f")))

    def test_the_rules_beyond_formatting_bite(self):
        self.write(".clang-format", (ROOT / ".clang-format").read_text())
        self.assert_refused("opens with its concept", "check-format",
                            self.write("a.hpp", self.good.partition("\n")[2]))
        self.assert_refused("#pragma once", "check-format",
                            self.write("b.hpp", self.good.replace("#pragma once\n\n", "")))
        self.assert_refused("no file has more than 600", "check-format",
                            self.write("c.cpp", "int f();\n" * 601))
        self.assert_refused("left for later", "check-format",
                            self.write("d.cpp", "// TO" "DO\n"))


class documentation(check):
    def root(self):
        return "--root", self.tree

    def quote(self, marker, body):
        return self.write("README.md", f"# Title\n\n<!-- {marker} -->\n```cpp\n{body}\n```\n")

    def test_a_quote_equals_its_file(self):
        self.write("hello.cpp", "int main() {}\n")
        self.quote("quote: hello.cpp", "int main() {}")
        self.assert_clean("check-docs", *self.root())
        readme = self.quote("quote: hello.cpp", "int main() { return 1; }")
        self.assert_refused("README.md:4: differs from hello.cpp", "check-docs", *self.root())
        self.assert_clean("check-docs", *self.root(), "--fix")
        self.assertIn("int main() {}", readme.read_text())

    def test_a_quoted_region_is_marked_and_whole(self):
        self.write("hello.cpp", "{\n    // [body]\n    a();\n      b();\n    // [/body]\n}\n")
        self.quote("quote: hello.cpp#body", "a();\n  b();")
        self.assert_clean("check-docs", *self.root())
        self.quote("quote: hello.cpp#other", "a();")
        self.assert_refused("no whole region [other]", "check-docs", *self.root())
        self.quote("quote: gone.cpp", "a();")
        self.assert_refused("does not exist", "check-docs", *self.root())

    def test_code_that_nobody_builds_is_marked_as_a_sketch(self):
        self.write("docs/page.md", "```cpp\nint x;\n```\n")
        self.assert_refused("docs/page.md:1: C++ that nobody builds", "check-docs", *self.root())
        self.write("docs/page.md", "<!-- sketch -->\n```cpp\nint x;\n```\n")
        self.assert_clean("check-docs", *self.root())

    def test_a_link_leads_to_a_file(self):
        self.write("docs/page.md", "See [the other](other.md#part) and [web](https://a.example/).\n")
        self.assert_refused("other.md leads nowhere", "check-docs", *self.root())
        self.write("docs/other.md", "# Other\n")
        self.assert_clean("check-docs", *self.root())


class tables(check):
    """Of the calls and the rules, and what shows them."""

    asserting = "    REQUIRE(sum(1, 1) == 2);\n"

    def setUp(self):
        super().setUp()
        self.write("include/equus/stream.hpp", "// gone()\nint invoke();\n")
        self.case(self.asserting)

    def rows(self, call="symbols = ['invoke'], header = 'stream.hpp'", rule=""):
        comma = ", " if rule else ""
        self.write("docs/rdc-tables.toml", f"""
[calls.Messages]
inc_invoke = {{ here = "`invoke`", {call} }}
[rules.Messages]
K21 = {{ says = "a message has data"{comma}{rule} }}
""")

    def case(self, body, tags="[kernel][K21][inc_invoke]", before=""):
        self.write("tests/runtime/call_test.cpp",
                   before + f'TEST_CASE("one and one, \\"and\\" no more",\n          "{tags}") {{\n{body}}}\n')

    def assert_made(self):
        self.assert_clean("rdc-tables", "--root", self.tree, "--fix")
        self.assert_clean("rdc-tables", "--root", self.tree)

    def assert_wrong(self, words):
        self.assert_refused(words, "rdc-tables", "--root", self.tree, "--fix")

    def test_a_page_is_written_and_compared(self):
        self.rows()
        self.assert_refused("is not what the tests say", "rdc-tables", "--root", self.tree)
        self.assert_made()
        page = (self.tree / "docs/rdc-tables.md").read_text()
        self.assertIn('| K21 | a message has data | [runtime/call_test](../tests/runtime/call_test.cpp): '
                      'one and one, "and" no more |', page)
        self.assertIn("| `inc_invoke` | `invoke` | [stream.hpp](../include/equus/stream.hpp) |", page)
        self.write("docs/rdc-tables.md", page + " ")
        self.assert_refused("is not what the tests say", "rdc-tables", "--root", self.tree)

    def test_a_row_that_nothing_shows_is_refused_unless_it_is_planned(self):
        self.case(self.asserting, "[kernel][inc_invoke]")
        self.rows()
        self.assert_wrong("K21: no test shows it")
        self.rows(rule="planned = 'buffers'")
        self.assert_made()
        self.assertIn("*planned*: buffers", (self.tree / "docs/rdc-tables.md").read_text())
        self.case(self.asserting)
        self.assert_wrong("K21: is marked planned, and tests show it")

    def test_a_tag_counts_on_a_test_that_asserts(self):
        self.rows()
        for body in ("", "    // REQUIRE(sum(1, 1) == 2);\n", "    REQUIRE(true);\n", "    SUCCEED();\n",
                     '    say("REQUIRE(a == b)");\n', "    fixture();\n", "    INFO(1 + 1);\n"):
            self.case(body)
            self.assert_wrong("call_test.cpp:1: 'one and one, \"and\" no more' is tagged and asserts nothing")
        for body in ("    CHECK_FALSE(wrong());\n", "    STATIC_REQUIRE(1 + 1 == 2);\n",
                     "    CHECK_THROWS_AS(f(), int);\n"):
            self.case(body)
            self.assert_made()

    def test_a_helper_of_the_same_file_may_assert(self):
        self.rows()
        self.case("    outer(2);\n", before="void inner(int n) { CHECK(n == 2); }\n"
                                           "void outer(int n) noexcept {\n    inner(n);\n}\n")
        self.assert_made()
        self.case("    outer(2);\n", before="void outer(int n) { say(n); }\n")
        self.assert_wrong("asserts nothing")

    def test_what_a_call_is_called_here_exists(self):
        self.rows(call="header = 'stream.hpp', symbols = ['gone']")
        self.assert_wrong("include/equus/stream.hpp has no 'gone'")
        self.rows(call="header = 'streams.hpp', symbols = ['invoke']")
        self.assert_wrong("there is no include/equus/streams.hpp")
        self.rows(call="header = 'stream.hpp'")
        self.assert_wrong("inc_invoke: no symbols")

    def test_a_tag_without_a_row_is_refused(self):
        self.rows()
        self.case(self.asserting, "[K21][inc_invoke][K99]")
        self.assert_wrong("is tagged [K99]")

    def test_a_scenario_counts_when_a_planted_fault_or_a_test_names_it(self):
        self.case(self.asserting, "[inc_invoke]")
        self.rows(rule="scenarios = ['streams']")
        self.write("src/host/sim_scenarios.cpp", 'all.add({"streams", "numbers", [] {}});\n')
        self.assert_wrong("no scenario 'streams'")
        self.write("src/host/sim_planted.cpp", '{"skips_gaps", "streams", 2\'000,\n "a gap"},\n')
        self.assert_made()
        self.write("src/host/sim_planted.cpp", "")
        self.write("tests/sim/CMakeLists.txt", "add_test(NAME x COMMAND equus sim --scenario streams)\n")
        self.assert_made()


class editors(unittest.TestCase):
    """What the grammar calls a word is one in every editor."""

    files = ("editors/vim/syntax/rdc.vim", "editors/vscode/rdc.tmLanguage.json")

    def test_every_word_of_the_language_is_highlighted(self):
        grammar = (ROOT / "src/config/grammar.hpp").read_text()
        words = re.findall(r'TAO_PEGTL_KEYWORD\("(\w+)"\)', grammar)
        self.assertGreater(len(words), 30)
        for file in self.files:
            text = (ROOT / file).read_text().replace(r"\\b", " ")
            self.assertEqual([w for w in words if not re.search(rf"\b{w}\b", text)], [], file)

    def test_the_files_of_the_extension_are_there_and_readable(self):
        folder = ROOT / "editors/vscode"
        contributes = json.loads((folder / "package.json").read_text())["contributes"]
        for entry in contributes["languages"]:
            json.loads((folder / entry["configuration"]).read_text())
        for entry in contributes["grammars"]:
            grammar = json.loads((folder / entry["path"]).read_text())
            self.assertEqual(grammar["scopeName"], entry["scopeName"])
            for name in re.findall(r'"#(\w+)"', (folder / entry["path"]).read_text()):
                self.assertIn(name, grammar["repository"])


if __name__ == "__main__":
    unittest.main()
