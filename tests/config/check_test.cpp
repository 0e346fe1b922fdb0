#include "config/check.hpp"
#include "config/manifests.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace equus::config {
namespace {

check_options with_programs() {
    check_options options;
    options.programs = test::test_program;
    return options;
}

// A configuration around the lines under test.
std::string hello_with(const std::string& more) {
    return "rdc hello version 1\nuse \"hello\" from \"hello\"\nchannel greetings : hello.greeting\n"
           "primary incarnation greeter : hello.greeter { stream out -> greetings }\n"
           "incarnation friend : hello { port in <- greetings }\n" +
           more;
}

std::vector<code> codes_of(const checked& out) {
    std::vector<code> codes;
    for (const diagnostic& d : out.diagnostics)
        codes.push_back(d.number);
    return codes;
}

checked check_text(const std::string& text, const check_options& options = with_programs()) {
    return check(source{"test.rdc", text}, options);
}

} // namespace

TEST_CASE("a module that is not there is answered with place, code and the nearest name",
          "[config]") {
    const source from{"shop.rdc",
                      "rdc shop version 1\nuse \"doc\" from \"print_shop\"\n"
                      "channel pages : doc.printing\n"
                      "primary incarnation worker : doc.wroker { stream pages -> pages }\n"
                      "incarnation s : doc.spooler { port jobs <- pages ; stream reports "
                      "-> none ; device = \"d\" }\n"};
    const checked out = check(from, with_programs());
    REQUIRE_FALSE(out.value);
    REQUIRE(to_text(out.diagnostics, nullptr) ==
            "shop.rdc:4:30: error R012: no module 'doc.wroker'; did you mean 'doc.worker'?\n"
            "1 error, 0 warnings\n");
}

TEST_CASE("without programs to ask a file is still checked against itself", "[config]") {
    CHECK(check_text(hello_with(""), {}).value);
    CHECK(codes_of(check_text(hello_with("incarnation x : hello { port in <- gretings }\n"), {})) ==
          std::vector{code::undefined_name});
}

TEST_CASE("a program is asked once, however often it is used", "[config]") {
    std::size_t asked = 0;
    check_options options;
    options.programs = [&](const std::string& name) {
        ++asked;
        return test::test_program(name);
    };
    check_text("rdc x version 1\nuse \"hello\" from \"hello\"\nuse \"other\" from \"hello\"\n",
               options);
    CHECK(asked == 1);
}

TEST_CASE("the order of declarations does not matter", "[config][K34]") {
    const std::string text = hello_with("param a : int = b\nparam b : int = 1\n");
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at) + 1;
        lines.push_back(text.substr(at, end - at));
        at = end;
    }
    const auto value = check_text(text, {}).value;
    REQUIRE(value);
    std::reverse(lines.begin(), lines.end());
    std::string reversed;
    for (const std::string& line : lines)
        reversed += line;
    CHECK(check_text(reversed, {}).value == value);
}

TEST_CASE("settings override params and are read by their type", "[config]") {
    check_options options;
    const std::string text =
        "param n : 1..64 = 4\nparam t : duration = 1s\nparam s : text = \"x\"\n"
        "param l : list of int = []\nparam b : bool = false\n"
        "param z : int = 0\n";
    options.settings = {{"n", "64"},     {"t", "200ms"}, {"s", "with, comma"},
                        {"l", "1, 2,3"}, {"b", "true"},  {"z", "64KiB"}};
    const auto out = check_text(hello_with(text), options);
    REQUIRE(out.value);
    CHECK(out.value->parameters.at("n") == rdc_value{64});
    CHECK(out.value->parameters.at("t") == rdc_value{duration{200'000'000}});
    CHECK(out.value->parameters.at("s") == rdc_value{"with, comma"});
    CHECK(out.value->parameters.at("l") == rdc_value{rdc_value::list{1, 2, 3}});
    CHECK(out.value->parameters.at("b") == rdc_value{true});
    CHECK(out.value->parameters.at("z") == rdc_value{65536});

    options.settings = {{"n", "65"}};
    const auto refused = check_text(hello_with(text), options);
    REQUIRE_FALSE(refused.value);
    CHECK(refused.diagnostics.back().file == "--set n=65");
    CHECK(refused.diagnostics.back().number == code::bad_setting);
}

TEST_CASE("a param without a value is satisfied by a setting", "[config]") {
    check_options options;
    CHECK(codes_of(check_text(hello_with("param n : int\n"), options)) ==
          std::vector{code::no_value});
    options.settings = {{"n", "3"}};
    CHECK(check_text(hello_with("param n : int\n"), options).value);
}

TEST_CASE("paths in the file are taken from its folder, paths in settings from the caller's",
          "[config]") {
    check_options options;
    options.base_folder = "/srv/shop";
    options.working_folder = "/home/ann";
    const std::string text = hello_with("param a : path = \"docs/../in\"\nparam b : path = \"x\"\n"
                                        "param c : path = \"/abs\"\nparam d : text = \"plain\"\n");
    options.settings = {{"b", "out"}};
    const auto value = check_text(text, options).value;
    REQUIRE(value);
    for (const auto& [given, meant] : std::map<std::string, std::string>{{".", "/home/ann"},
                                                                         {"./", "/home/ann"},
                                                                         {"out/.", "/home/ann/out"},
                                                                         {"out//", "/home/ann/out"},
                                                                         {"..", "/home"},
                                                                         {"/", "/"},
                                                                         {"/srv/", "/srv"}}) {
        INFO(given);
        options.settings = {{"b", given}};
        const auto other = check_text(text, options).value;
        REQUIRE(other);
        CHECK(other->parameters.at("b") == rdc_value{file_path{meant}});
    }
    CHECK(value->parameters.at("a") == rdc_value{file_path{"/srv/shop/in"}});
    CHECK(value->parameters.at("b") == rdc_value{file_path{"/home/ann/out"}});
    CHECK(value->parameters.at("c") == rdc_value{file_path{"/abs"}});
    CHECK(value->parameters.at("d") == rdc_value{"plain"});
}

TEST_CASE("a syntax error hides nothing in the other blocks", "[config]") {
    const auto out =
        check_text("rdc hello version 1\nuse \"hello\" from \"hello\"\n"
                   "channel greetings : hello.greeting\n"
                   "primary incarnation greeter : hello.greeter { stream out => greetings }\n"
                   "incarnation friend : hello { port in <- greeting }\n"
                   "incarnation other : helo { port in <- none }\n");
    CHECK(codes_of(out) == std::vector{code::syntax, code::undefined_name, code::no_namespace});
}

TEST_CASE("names in a part that was skipped are not reported as undefined", "[config]") {
    const auto out =
        check_text("rdc hello version 1\nuse \"hello\" from \"hello\"\n"
                   "channel greetings = hello.greeting\n"
                   "primary incarnation greeter : hello.greeter { stream out -> greetings }\n"
                   "incarnation friend : hello { port in <- greetings }\n");
    CHECK(codes_of(out) == std::vector{code::syntax});
}

TEST_CASE("an incarnation's declaration is found again by its name", "[config]") {
    const auto out = check_text(hello_with(""));
    CHECK(out.declared_at.at({"friend", std::nullopt, std::nullopt}) == text_position{5, 13});
}

TEST_CASE("diagnostics are bounded in number", "[config]") {
    std::string text = "rdc x version 1\n";
    for (int i = 0; i < 5000; ++i)
        text += "nonsense\n";
    const auto out = check_text(text);
    CHECK(out.diagnostics.size() == diagnostics::diagnostics_max + 1);
    CHECK(out.diagnostics.back().number == code::too_much);
}

TEST_CASE("a file over one MiB is refused unread", "[config]") {
    const auto out = check_text(std::string(source_bytes_max + 1, '#'));
    CHECK(codes_of(out) == std::vector{code::too_much});
}

TEST_CASE("a small text cannot make a large value", "[config]") {
    std::string doubling = "param t0 : text = \"0123456789abcdef\"\n";
    for (int i = 1; i < 60; ++i)
        doubling += "param t" + std::to_string(i) + " : text = t" + std::to_string(i - 1) + " + t" +
                    std::to_string(i - 1) + "\n";
    CHECK_FALSE(check_text(hello_with(doubling)).value);

    std::string lists = "param l0 : list of int = [1, 2]\n";
    std::string type = "list of int";
    for (int i = 1; i < 40; ++i) {
        type = "list of " + type;
        const std::string before = "l" + std::to_string(i - 1);
        lists +=
            "param l" + std::to_string(i) + " : " + type + " = [" + before + ", " + before + "]\n";
    }
    CHECK_FALSE(check_text(hello_with(lists)).value);
    CHECK_FALSE(check_text(hello_with("incarnation a[10000] : hello { port in <- none }\n"
                                      "incarnation b[10000] : hello { port in <- none }\n"))
                    .value);
}

TEST_CASE("every code is described once and in order", "[config]") {
    std::uint16_t last = 0;
    for (const code_description& d : all_codes()) {
        CHECK(static_cast<std::uint16_t>(d.number) > last);
        CHECK_FALSE(d.title.empty());
        last = static_cast<std::uint16_t>(d.number);
    }
    CHECK(text_of(code::no_module) == "R012");
}

TEST_CASE("docs/language.md lists every code, and no other", "[config]") {
    const char* root = std::getenv("EQUUS_SOURCE");
    std::ifstream in{std::string{root != nullptr ? root : "."} + "/docs/language.md"};
    std::vector<std::string> listed;
    for (std::string line; std::getline(in, line);)
        if (line.substr(0, 3) == "| R" && line.size() > 6 && line[6] == ' ')
            listed.push_back(line);
    std::vector<std::string> known;
    for (const code_description& d : all_codes())
        known.push_back("| " + text_of(d.number) +
                        (d.weight == severity::error ? " | error | " : " | warning | ") +
                        std::string{d.title} + " |");
    CHECK(listed == known);
}

TEST_CASE("diagnostics as JSON carry the same facts", "[config]") {
    const auto out = check_text(hello_with("chanel x : hello.greeting\n"));
    const std::string json = to_json(out.diagnostics);
    for (const char* part :
         {"\"file\": \"test.rdc\"", "\"line\": 6", "\"column\": 1", "\"end_column\": 7",
          "\"severity\": \"error\"", "\"code\": \"R002\"", "\"message\": \"unknown word 'chanel'\"",
          "\"hint\": \"did you mean 'channel'?\""})
        CHECK(json.find(part) != std::string::npos);
}

TEST_CASE("the nearest name is one that could have been meant", "[config]") {
    const std::vector<std::string> words{"workers", "documents", "out"};
    CHECK(nearest("wokrers", words) == "workers");
    CHECK(nearest("document", words) == "documents");
    CHECK(nearest("entirely", words).empty());
    CHECK(nearest("o", words).empty());
}

} // namespace equus::config
