// The command `schema`, as people and CI start it.
#include <catch2/catch.hpp>
#include <stdlib.h> // NOLINT: mkdtemp
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : ".";
}

struct outcome {
    int code = -1;
    std::string out;
    std::string err;
    bool says(const std::string& words) const { return err.find(words) != err.npos; }
};

/// A folder that goes with the test, and commands that run in it.
class workplace {
public:
    workplace() {
        std::string name = (fs::temp_directory_path() / "equus-schema-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~workplace() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    workplace(const workplace&) = delete;
    workplace& operator=(const workplace&) = delete;

    outcome run(const std::string& words) const {
        const int status = std::system(
            ("cd '" + path_.string() + "' && " + words + " >out 2>err </dev/null").c_str());
        return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read(path_ / "out"),
                read(path_ / "err")};
    }
    outcome equus(const std::string& words) const {
        return run("'" + variable("EQUUS_BIN") + "/equus' " + words);
    }
    outcome shop(const std::string& words) const {
        return run("'" + variable("EQUUS_BIN") + "/print_shop' " + words);
    }
    void write(const std::string& file, const std::string& text) const {
        std::ofstream{path_ / file, std::ios::binary} << text;
    }
    /// The text of a lock file of the shop as an older program would have it.
    void write_lock(const std::string& from, const std::string& to) const {
        std::string text = read(variable("EQUUS_SOURCE") + "/samples/print_shop/print_shop.lock");
        const auto at = text.find(from);
        REQUIRE(at != text.npos);
        write("old.lock", text.replace(at, from.size(), to));
    }
    fs::path path() const { return path_; }

private:
    fs::path path_;
};

} // namespace

TEST_CASE("capnp compile accepts the schema of the framework and of a program", "[wire]") {
    const workplace here;
    for (const char* words : {"schema", "schema --program print_shop"}) {
        INFO(words);
        const outcome printed = here.equus(words);
        REQUIRE(printed.code == 0);
        here.write("printed.capnp", printed.out);
        const outcome compiled = here.run("capnp compile -o- printed.capnp");
        INFO(compiled.err);
        REQUIRE(compiled.code == 0);
    }
}

TEST_CASE("a program prints the same schema by itself and when it is asked", "[wire]") {
    const workplace here;
    const outcome itself = here.shop("schema");
    REQUIRE(itself.code == 0);
    REQUIRE(itself.out.find("interface Printing @") != itself.out.npos);
    REQUIRE(itself.out.find("nextTask @0 NextTask -> TaskSlip;") != itself.out.npos);
    REQUIRE(itself.out.find("equus.launching") == itself.out.npos);
    REQUIRE(here.equus("schema --program print_shop").out == itself.out);
    REQUIRE(here.equus("schema --program '" + variable("EQUUS_BIN") + "/print_shop'").out ==
            itself.out);
}

TEST_CASE("a protocol is printed by its name, and with what its messages lead to only", "[wire]") {
    const workplace here;
    const outcome one = here.equus("schema --program print_shop doc.printing");
    REQUIRE(one.code == 0);
    REQUIRE(one.out.find("struct Page @") != one.out.npos);
    REQUIRE(one.out.find("TaskSlip") == one.out.npos);
    // What comes with every program can be named too.
    REQUIRE(here.shop("schema equus.launching").code == 0);
    const outcome none = here.shop("schema doc.painting");
    REQUIRE(none.code == 1);
    REQUIRE(none.out.empty());
    REQUIRE(none.says("no protocol 'doc.painting'; it has: doc.pressing doc.printing"));
}

TEST_CASE("a lock that holds is answered by nothing but code 0", "[wire]") {
    const workplace here;
    REQUIRE(here.shop("schema --lock new.lock --update").code == 0);
    REQUIRE(read(here.path() / "new.lock") ==
            read(variable("EQUUS_SOURCE") + "/samples/print_shop/print_shop.lock"));
    const outcome held = here.equus("schema --program print_shop --lock new.lock");
    REQUIRE(held.code == 0);
    REQUIRE(held.out.empty());
    REQUIRE(held.err.empty());
}

TEST_CASE("a lock is broken by what was reordered, removed or retyped", "[wire]") {
    const workplace here;
    const auto refused = [&](const std::string& from, const std::string& to,
                             const std::string& words) {
        here.write_lock(from, to);
        const outcome said = here.shop("schema --lock old.lock");
        INFO(said.err);
        REQUIRE(said.code == 1);
        REQUIRE(said.says("old.lock: " + words));
        REQUIRE(said.says("hint: append"));
        REQUIRE(said.out.empty());
    };
    refused("  1 id uint32\n  2 path text\n", "  1 path text\n  2 id uint32\n",
            "doc.task_slip: field 1 'path' is now 'id'");
    refused("  3 name text\nstruct", "  3 name text\n  4 colour uint8\nstruct",
            "doc.task_slip: field 4 'colour' was removed");
    refused("  0 document uint32\n", "  0 document uint64\n",
            "doc.page: field 0 'document' was 'uint64' and is now 'uint32'");
    refused("  0 doc.found\n  1 doc.printed\n", "  0 doc.printed\n  1 doc.found\n",
            "protocol doc.reporting: message 0 'doc.printed' is now 'doc.found'");
    refused("  1 doc.submit\n", "  1 doc.submit -> doc.remaining\n",
            "protocol doc.scheduling: message 1 'doc.submit' was answered by 'doc.remaining' and "
            "is now one-way");
    refused("protocol doc.printing\n",
            "protocol doc.etching\n  0 doc.page\nprotocol doc.printing\n",
            "protocol doc.etching was removed");
    const outcome parsed = here.shop("schema --json --lock old.lock");
    REQUIRE(parsed.code == 1);
    REQUIRE(parsed.out.find("\"ok\": false") != parsed.out.npos);
    // Who knows better writes the lock anew.
    REQUIRE(here.shop("schema --lock old.lock --update").code == 0);
    REQUIRE(here.shop("schema --lock old.lock").code == 0);
}

TEST_CASE("what was appended breaks no lock, but the lock lacks it", "[wire]") {
    const workplace here;
    here.write_lock("  3 name text\nstruct", "struct");
    const outcome said = here.shop("schema --lock old.lock");
    REQUIRE(said.code == 0);
    REQUIRE(said.says("old.lock: lacks what was appended; --update writes it"));
}

TEST_CASE("what cannot be compared or asked is said", "[wire]") {
    const workplace here;
    const outcome missing = here.shop("schema --lock none.lock");
    REQUIRE(missing.code == 1);
    REQUIRE(missing.says("none.lock: no such file"));
    REQUIRE(missing.says("--lock none.lock --update"));
    here.write("junk.lock", "junk\n");
    REQUIRE(here.shop("schema --lock junk.lock").says("does not begin with 'equus lock 1'"));
    REQUIRE(here.equus("schema --program painter").says("--program painter=PATH"));
    REQUIRE(here.equus("schema --program /bin/true").says("is it an Equus program"));
    REQUIRE(here.equus("schema --program /bin/false").says("is it an Equus program"));
    REQUIRE(here.shop("schema --update").code == 2);
    REQUIRE(here.shop("schema --lock /dev/null/x --update").code == 1);
}
