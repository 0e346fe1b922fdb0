#include "config/manifests.hpp"
#include "config/pack/pack.hpp"
#include "host/commands/language_commands.hpp"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace equus::commands {
namespace {

namespace fs = std::filesystem;

std::string data(const std::string& file) {
    const char* root = std::getenv("EQUUS_SOURCE");
    return (fs::path{root != nullptr ? root : "."} / "tests/config/testdata" / file).string();
}

std::string read(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

language_environment environment() {
    language_environment out;
    out.program = "equus";
    out.programs = [](const std::string&, const std::vector<std::string>&) {
        return config::program_resolver{test::test_program};
    };
    return out;
}

/// A folder that goes when the test ends.
struct scratch {
    fs::path path;
    scratch() {
        std::string name = (fs::temp_directory_path() / "equus-commands-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~scratch() {
        std::error_code ignored;
        fs::remove_all(path, ignored);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
};

struct outcome {
    int code = 0;
    std::string out;
    std::string err;
};

template <class Command>
outcome run(Command command) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = command(out, err);
    return {code, out.str(), err.str()};
}

outcome check(const language_options& options) {
    return run(
        [&](auto& out, auto& err) { return command_check(options, environment(), out, err); });
}
outcome format(const language_options& options) {
    return run([&](auto& out, auto& err) { return command_format(options, out, err); });
}

} // namespace

TEST_CASE("check answers ok with 0 and errors with 1", "[config]") {
    const outcome good = check({{data("good/print_shop.rdc")}});
    CHECK(good.code == 0);
    CHECK(good.err.empty());
    CHECK(good.out.find("ok: print_shop version 1, 3 incarnations, 1 blueprint, 3 channels") !=
          std::string::npos);
    const outcome bad = check({{data("bad/modules.rdc")}});
    CHECK(bad.code == 1);
    CHECK(bad.out.empty());
    CHECK(bad.err.find("error R012") != std::string::npos);
    CHECK(check({{data("nowhere.rdc")}}).code == 1);
    CHECK(check({{data("good/print_shop.rdc")}, {"workers"}}).code == 2);
    CHECK(check({{data("good/print_shop.rdc")}, {"workers=65"}}).code == 1);
    CHECK(check({{data("good/print_shop.rdc")}, {"workers=64"}}).code == 0);
}

TEST_CASE("check in JSON names every file and its diagnostics", "[config]") {
    language_options options{
        {data("good/hello.rdc"), data("bad/modules.rdc"), data("nowhere.rdc")}};
    options.json = true;
    const outcome all = check(options);
    CHECK(all.code == 1);
    const auto json = nlohmann::json::parse(all.out);
    REQUIRE(json.size() == 3);
    CHECK(json[0]["ok"] == true);
    CHECK(json[1]["diagnostics"].size() == 7);
    CHECK(json[2]["unreadable"] == true);
}

TEST_CASE("fmt prints, verifies or writes, and keeps the mode of a file it writes", "[config]") {
    const scratch folder;
    const std::string file = (folder.path / "messy.rdc").string();
    fs::copy_file(data("fmt/messy.rdc"), file);
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    const std::string wanted = read(data("fmt/messy.expected"));
    CHECK(format({{file}}).out == wanted);
    language_options verify{{file}};
    verify.verify = true;
    CHECK(format(verify).code == 1);
    language_options write{{file}};
    write.write = true;
    CHECK(format(write).code == 0);
    CHECK(read(file) == wanted);
    CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(format(verify).code == 0);
    CHECK(format(write).out.empty());
    CHECK(std::distance(fs::directory_iterator{folder.path}, {}) == 1);
}

TEST_CASE("fmt leaves a file with errors as it is", "[config]") {
    const scratch folder;
    const std::string file = (folder.path / "bad.rdc").string();
    fs::copy_file(data("bad/syntax_several.rdc"), file);
    language_options write{{file}};
    write.write = true;
    const outcome refused = format(write);
    CHECK(refused.code == 1);
    CHECK(refused.err.find("error R001") != std::string::npos);
    CHECK(read(file) == read(data("bad/syntax_several.rdc")));
}

TEST_CASE("graph needs no program and draws what is declared", "[config]") {
    const outcome drawn = run([](auto& out, auto& err) {
        return command_graph({{data("good/print_shop.rdc")}}, out, err);
    });
    CHECK(drawn.code == 0);
    CHECK(drawn.out.substr(0, 20) == "digraph \"print_shop\"");
    const outcome refused = run([](auto& out, auto& err) {
        return command_graph({{data("bad/missing_brace.rdc")}}, out, err);
    });
    CHECK(refused.code == 1);
    CHECK(refused.out.empty());
}

TEST_CASE("export writes the packed table that unpacks to the checked value", "[config]") {
    const scratch folder;
    language_options options{{data("good/hello.rdc")}};
    options.packed = true;
    options.output = (folder.path / "hello.pack").string();
    const outcome written =
        run([&](auto& out, auto& err) { return command_export(options, environment(), out, err); });
    REQUIRE(written.code == 0);
    const std::string table = read(options.output);
    const auto value = config::unpack(std::as_bytes(std::span{table.data(), table.size()}));
    REQUIRE(value);
    CHECK(value->name == "hello");
    options.output = (folder.path / "missing/hello.pack").string();
    CHECK(run([&](auto& out, auto& err) {
              return command_export(options, environment(), out, err);
          }).code == 1);
}

TEST_CASE("the command line knows the language's commands and refuses nonsense", "[config]") {
    const auto parse = [](std::vector<std::string> arguments) {
        CLI::App app{"test", "equus"};
        int code = 0;
        add_language_commands(app, environment(), code);
        std::reverse(arguments.begin(), arguments.end());
        try {
            app.parse(arguments);
        } catch (const CLI::ParseError&) {
            return 2;
        }
        return code;
    };
    CHECK(parse({"check", "--set", "workers=3", "--program", "x", data("good/print_shop.rdc")}) ==
          0);
    CHECK(parse({"check"}) == 2);
    CHECK(parse({"check", "--nonsense", "x"}) == 2);
    CHECK(parse({"graph"}) == 2);
    CHECK(parse({"graph", "--live"}) == 2);
    CHECK(parse({"export", data("good/hello.rdc"), "--json", "--packed"}) == 2);
    CHECK(parse({"fmt", "--check", data("good/print_shop.rdc")}) == 0);
}

} // namespace equus::commands
