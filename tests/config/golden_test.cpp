// The files of testdata against their recorded answers. EQUUS_UPDATE_GOLDEN=1 records anew; look at
// the difference before it is committed.
#include "config/check.hpp"
#include "config/export_json.hpp"
#include "config/format.hpp"
#include "config/manifests.hpp"
#include "config/tokens.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace equus::config {
namespace {

namespace fs = std::filesystem;

fs::path data_folder() {
    const char* root = std::getenv("EQUUS_SOURCE");
    return fs::path{root != nullptr ? root : "."} / "tests/config/testdata";
}

std::string read(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::vector<fs::path> files_of(const char* folder) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator{data_folder() / folder})
        if (entry.path().extension() == ".rdc")
            out.push_back(entry.path());
    std::sort(out.begin(), out.end());
    return out;
}

void compare(const fs::path& recorded, const std::string& now) {
    if (std::getenv("EQUUS_UPDATE_GOLDEN") != nullptr)
        std::ofstream{recorded, std::ios::binary} << now;
    INFO(recorded.string());
    CHECK(read(recorded) == now);
}

// A line `# --set name=value` in a file of testdata is given as that option.
std::vector<setting> settings_in(const std::string& text) {
    std::vector<setting> out;
    const std::string mark = "# --set ";
    for (std::size_t at = text.find(mark); at != text.npos; at = text.find(mark, at + 1)) {
        const std::size_t begin = at + mark.size();
        const std::string line = text.substr(begin, text.find('\n', begin) - begin);
        out.push_back({line.substr(0, line.find('=')), line.substr(line.find('=') + 1)});
    }
    return out;
}

checked check_file(const fs::path& path, std::string& rendered) {
    const std::string text = read(path);
    const source from{path.filename().string(), text};
    check_options options;
    options.programs = test::test_program;
    options.settings = settings_in(text);
    checked out = check(from, options);
    rendered = to_text(out.diagnostics, &from);
    return out;
}

} // namespace

TEST_CASE("every good file is accepted without a word", "[config]") {
    for (const fs::path& path : files_of("good")) {
        std::string rendered;
        const checked out = check_file(path, rendered);
        INFO(path.string() << "\n" << rendered);
        CHECK(out.diagnostics.empty());
        CHECK(out.value.has_value());
    }
}

TEST_CASE("every good file means exactly the recorded value", "[config]") {
    for (const fs::path& path : files_of("good")) {
        std::string rendered;
        const checked out = check_file(path, rendered);
        INFO(path.string() << "\n" << rendered);
        REQUIRE(out.value.has_value());
        fs::path recorded = path;
        compare(recorded.replace_extension(".json"), to_json(*out.value));
    }
}

TEST_CASE("every diagnostic code is shown by a bad file", "[config]") {
    std::string all;
    for (const fs::path& path : files_of("bad")) {
        fs::path recorded = path;
        all += read(recorded.replace_extension(".expected"));
    }
    for (const code_description& each : all_codes()) {
        const std::string mark =
            (each.weight == severity::error ? "error " : "warning ") + text_of(each.number) + ": ";
        INFO("no file of testdata/bad provokes: " << mark << each.title);
        CHECK(all.find(mark) != all.npos);
    }
}

TEST_CASE("the list of codes in the document is the list of the program", "[config]") {
    const std::string document = read(data_folder() / "../../../docs/language.md");
    for (const code_description& each : all_codes()) {
        const std::string row = "| " + text_of(each.number) + " | " +
                                (each.weight == severity::error ? "error" : "warning") + " | ";
        INFO(row);
        CHECK(document.find(row + std::string{each.title} + " |") != document.npos);
    }
}

TEST_CASE("several faults of one text are reported together, each with its place", "[config]") {
    const source from{"shop.rdc", "rdc shop version 1\n"
                                  "use \"doc\" from \"print_shop\"\n"
                                  "channel pages : doc.pritning\n"
                                  "primary incarnation m : doc.manger { port reports <- none }\n"
                                  "incarnation s : doc.spooler {\n"
                                  "    port jobs <- pagse\n"
                                  "    stream reports -> none\n"
                                  "    device = \"out\"\n"
                                  "    limit jobs queue 0\n"
                                  "}\n"};
    check_options options;
    options.programs = test::test_program;
    const checked out = check(from, options);
    REQUIRE_FALSE(out.value);
    struct expected {
        code number;
        std::uint32_t line, column;
        const char* hint;
    };
    for (const expected& each : {expected{code::no_protocol, 3, 17, "doc.printing"},
                                 expected{code::no_module, 4, 25, "doc.manager"},
                                 expected{code::undefined_name, 6, 18, "pages"},
                                 expected{code::out_of_range, 9, 22, ""}}) {
        INFO(text_of(each.number) << "\n" << to_text(out.diagnostics, &from));
        const auto found =
            std::find_if(out.diagnostics.begin(), out.diagnostics.end(),
                         [&](const diagnostic& d) { return d.number == each.number; });
        REQUIRE(found != out.diagnostics.end());
        CHECK(found->from.line == each.line);
        CHECK(found->from.column == each.column);
        CHECK(found->hint.find(each.hint) != std::string::npos);
    }
}

TEST_CASE("every bad file gets exactly the recorded diagnostics", "[config]") {
    for (const fs::path& path : files_of("bad")) {
        std::string rendered;
        const checked out = check_file(path, rendered);
        INFO(path.string());
        CHECK_FALSE(out.diagnostics.empty());
        fs::path recorded = path;
        compare(recorded.replace_extension(".expected"), rendered);
    }
}

TEST_CASE("a bad file says the same thing every time", "[config]") {
    for (const fs::path& path : files_of("bad")) {
        std::string first;
        std::string second;
        check_file(path, first);
        check_file(path, second);
        CHECK(first == second);
    }
}

TEST_CASE("formatting gives the recorded layout", "[config]") {
    for (const fs::path& path : files_of("fmt")) {
        const source from{path.filename().string(), read(path)};
        diagnostics out{from};
        const auto formatted = format(from, out);
        INFO(to_text(out.sorted(), &from));
        REQUIRE(formatted);
        fs::path recorded = path;
        compare(recorded.replace_extension(".expected"), *formatted);
    }
}

TEST_CASE("formatting a second time changes nothing", "[config]") {
    for (const char* folder : {"good", "bad", "fmt"})
        for (const fs::path& path : files_of(folder)) {
            const source from{path.filename().string(), read(path)};
            diagnostics out{from};
            const auto once = format(from, out);
            if (!once)
                continue;
            const source again{from.name(), *once};
            diagnostics out_again{again};
            INFO(path.string());
            CHECK(format(again, out_again) == once);
        }
}

TEST_CASE("formatting keeps every word, sign and comment in order", "[config]") {
    const auto substance = [](std::string_view text) {
        std::vector<token> all = tokens_of(text);
        std::erase_if(
            all, [](const token& t) { return t.kind == token_kind::newline || t.text == ";"; });
        return all;
    };
    for (const char* folder : {"good", "fmt"})
        for (const fs::path& path : files_of(folder)) {
            const source from{path.filename().string(), read(path)};
            diagnostics out{from};
            const auto formatted = format(from, out);
            REQUIRE(formatted);
            INFO(path.string());
            CHECK(substance(from.text()) == substance(*formatted));
        }
}

TEST_CASE("a text with errors is not formatted", "[config]") {
    const source from{"bad.rdc", "rdc x version 1\nchannel :\n"};
    diagnostics out{from};
    CHECK_FALSE(format(from, out));
    CHECK(out.has_errors());
}

} // namespace equus::config
