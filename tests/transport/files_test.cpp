#include <equus/host/files.hpp>
#include <equus/services/files.hpp>

#include <catch2/catch.hpp>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace equus;
namespace fs = std::filesystem;

namespace {

/// A folder of its own with a readable and a writable root in it.
struct fixture {
    fixture() {
        std::string pattern = (fs::temp_directory_path() / "equus-files-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        base = pattern;
        fs::create_directories(base / "in/letters");
        fs::create_directories(base / "out");
        put("in/a.txt", "alpha");
        put("in/letters/ärger mit ß.md", "umlauts");
        put("in/letters/b.txt", "beta");
        put("secret.txt", "not for you");
        files_options options;
        options.roots = {{.folder = (base / "in").string(), .name = "documents"},
                         {.folder = (base / "out").string(), .writable = true}};
        options.read_bytes_max = 1'000;
        options.entries_max = 10;
        options.depth_max = 8;
        REQUIRE(add_file_effects(effects, options));
        out = (base / "out").string();
    }
    ~fixture() {
        std::error_code ignored;
        fs::remove_all(base, ignored);
    }
    void put(const std::string& path, const std::string& text) const {
        std::ofstream{base / path, std::ios::binary} << text;
    }
    std::string get(const fs::path& path) const {
        std::ifstream file{path, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }
    template <class Request>
    result<typename Request::reply> ask(std::string_view name, const Request& request) const {
        auto reply = effects.perform(name, encoded(request).value());
        if (!reply)
            return fail(std::move(reply.error()));
        return wire::decode<typename Request::reply>(reply->span());
    }
    auto list(std::string folder, bool recursive = true) const {
        return ask(files::list_effect, files::list{std::move(folder), recursive});
    }
    auto read(std::string path, std::uint64_t offset = 0, std::uint64_t most = 0) const {
        return ask(files::read_effect, files::read{std::move(path), offset, most});
    }
    auto store(std::string path, std::string_view text) const {
        return ask(files::store_effect, files::store{std::move(path), bytes{text}});
    }
    auto rename(std::string from, std::string to) const {
        return ask(files::rename_effect, files::rename{std::move(from), std::move(to)});
    }
    auto remove(std::string path) const {
        return ask(files::remove_effect, files::remove{std::move(path)});
    }
    fs::path base;
    std::string out;
    effect_registry effects;
};

std::vector<std::string> paths(const result<files::listing>& listing) {
    REQUIRE(listing);
    std::vector<std::string> found;
    for (const files::item& item : listing->items)
        found.push_back(item.path + (item.is_folder ? "/" : ""));
    return found;
}

} // namespace

TEST_CASE("a listing names files and folders below the folder, in order", "[transport]") {
    fixture f;
    REQUIRE(paths(f.list("documents")) == std::vector<std::string>{"a.txt", "letters/",
                                                                   "letters/b.txt",
                                                                   "letters/ärger mit ß.md"});
    REQUIRE(paths(f.list("documents/", false)) == std::vector<std::string>{"a.txt", "letters/"});
    REQUIRE(paths(f.list("documents/letters")) ==
            std::vector<std::string>{"b.txt", "ärger mit ß.md"});
    REQUIRE(f.list("documents")->items[0].size_bytes == 5);
    REQUIRE(paths(f.list(f.out)).empty());
}

TEST_CASE("a listing leaves out links, devices and names that are not text", "[transport]") {
    fixture f;
    fs::create_symlink(f.base / "secret.txt", f.base / "in/link.txt");
    fs::create_directory_symlink(f.base, f.base / "in/folder");
    REQUIRE(::mkfifo((f.base / "in/pipe").c_str(), 0600) == 0);
    f.put("in/\xff\xfe.txt", "bad name");
    REQUIRE(paths(f.list("documents", false)) == std::vector<std::string>{"a.txt", "letters/"});
}

TEST_CASE("a listing over the limit of entries is too large", "[transport]") {
    fixture f;
    for (int i = 0; i < 10; ++i)
        f.put("in/" + std::to_string(i), "");
    REQUIRE(f.list("documents").error() == errc::too_large);
}

TEST_CASE("a file is read whole and in parts", "[transport]") {
    fixture f;
    REQUIRE(f.read("documents/a.txt")->data.text() == "alpha");
    REQUIRE(f.read("documents/a.txt")->file_bytes == 5);
    REQUIRE(f.read("documents/a.txt", 1, 3)->data.text() == "lph");
    REQUIRE(f.read("documents/a.txt", 3, 100)->data.text() == "ha");
    REQUIRE(f.read("documents/a.txt", 5)->data.empty());
    REQUIRE(f.read("documents/a.txt", 1'000'000)->data.empty());
    REQUIRE(f.read("documents/letters/ärger mit ß.md")->data.text() == "umlauts");
}

TEST_CASE("a part that no reply holds is too large, and smaller parts are not", "[transport]") {
    fixture f;
    f.put("in/big", std::string(5'000, 'x'));
    REQUIRE(f.read("documents/big").error() == errc::too_large);
    REQUIRE(f.read("documents/big", 0, 1'001).error() == errc::too_large);
    REQUIRE(f.read("documents/big", 4'500, 1'000)->data.size() == 500);
}

TEST_CASE("what cannot be read is an error that says why", "[transport]") {
    fixture f;
    REQUIRE(f.read("documents/none.txt").error() == errc::not_found);
    REQUIRE(f.read("documents/letters").error() == errc::invalid_argument);
    REQUIRE(::mkfifo((f.base / "in/pipe").c_str(), 0600) == 0);
    REQUIRE(f.read("documents/pipe").error() == errc::invalid_argument);
    REQUIRE(f.list("documents/a.txt").error() == errc::io_failed);
}

TEST_CASE("no path leads out of the folders that were given", "[transport]") {
    fixture f;
    fs::create_symlink(f.base / "secret.txt", f.base / "in/link.txt");
    fs::create_directory_symlink(f.base, f.base / "in/folder");
    fs::create_directory_symlink("letters", f.base / "in/inside");
    const auto refused = [&](const std::string& path) {
        const auto outcome = f.read(path);
        REQUIRE(!outcome);
        return outcome.error().code();
    };
    for (const char* path :
         {"documents/../secret.txt", "documents/letters/../../secret.txt", "documents/./..",
          "documents", "documents/", "documents/.", "documents/letters/.."})
        REQUIRE(refused(path) == errc::invalid_argument);
    for (const char* path :
         {"documents/link.txt", "documents/folder/secret.txt", "documents/inside/b.txt",
          "/etc/passwd", "secret.txt", "", "documentsx/a.txt", "../secret.txt"})
        REQUIRE(refused(path) == errc::access_denied);
    REQUIRE(refused((f.base / "secret.txt").string()) == errc::access_denied);
    REQUIRE(refused(std::string{"documents/a.txt\0/x", 18}) == errc::invalid_argument);
    REQUIRE(refused("documents/1/2/3/4/5/6/7/8/9") == errc::invalid_argument);
    REQUIRE(f.list("documents/folder").error() == errc::access_denied);
    REQUIRE(f.list("documents/..").error() == errc::invalid_argument);
}

TEST_CASE("parts of a path that mean nothing change nothing", "[transport]") {
    fixture f;
    for (const char* path : {"documents/a.txt", "documents//a.txt", "documents/./a.txt"})
        REQUIRE(f.read(path));
    for (const char* folder : {"documents", "documents/", "documents/.", "documents/./"})
        REQUIRE(f.list(folder)->items.size() == 4);
    effect_registry effects;
    files_options options;
    options.roots = {{.folder = (f.base / "in/.").string()}};
    REQUIRE(add_file_effects(effects, options));
    f.effects = effects;
    REQUIRE(f.read((f.base / "in/./a.txt").string()));
    REQUIRE(f.read((f.base / "in/a.txt").string()));
}

TEST_CASE("a stored file is there with its folders, and renaming gives it its name",
          "[transport]") {
    fixture f;
    REQUIRE(f.store(f.out + "/sub/deep/x.tmp", "first")->file_bytes == 5);
    REQUIRE(f.rename(f.out + "/sub/deep/x.tmp", f.out + "/other/x.pdf"));
    REQUIRE(f.get(f.base / "out/other/x.pdf") == "first");
    REQUIRE(!fs::exists(f.base / "out/sub/deep/x.tmp"));
    REQUIRE(f.store(f.out + "/x.tmp", "second"));
    REQUIRE(f.rename(f.out + "/x.tmp", f.out + "/other/x.pdf"));
    REQUIRE(f.get(f.base / "out/other/x.pdf") == "second");
    REQUIRE(f.store(f.out + "/other/x.pdf", "3")->file_bytes == 1);
    REQUIRE(f.get(f.base / "out/other/x.pdf") == "3");
}

TEST_CASE("a root for reading only is not written to", "[transport]") {
    fixture f;
    REQUIRE(f.store("documents/new.txt", "x").error() == errc::access_denied);
    REQUIRE(f.remove("documents/a.txt").error() == errc::access_denied);
    REQUIRE(f.rename("documents/a.txt", f.out + "/a.txt").error() == errc::access_denied);
    REQUIRE(f.store(f.out + "/a", "x"));
    REQUIRE(f.rename(f.out + "/a", "documents/a.txt").error() == errc::access_denied);
    REQUIRE(f.get(f.base / "in/a.txt") == "alpha");
}

TEST_CASE("storing neither follows a link nor replaces a folder", "[transport]") {
    fixture f;
    fs::create_symlink(f.base / "secret.txt", f.base / "out/link");
    fs::create_directory(f.base / "out/folder");
    REQUIRE(f.store(f.out + "/link", "x").error() == errc::access_denied);
    REQUIRE(f.store(f.out + "/folder", "x").error() == errc::io_failed);
    REQUIRE(f.get(f.base / "secret.txt") == "not for you");
    // The link itself may be replaced and removed; what it points to stays.
    REQUIRE(f.store(f.out + "/x", "mine"));
    REQUIRE(f.rename(f.out + "/x", f.out + "/link"));
    REQUIRE(f.get(f.base / "out/link") == "mine");
    REQUIRE(f.get(f.base / "secret.txt") == "not for you");
}

TEST_CASE("removing a file says whether it was there", "[transport]") {
    fixture f;
    REQUIRE(f.store(f.out + "/x", "x"));
    REQUIRE(f.remove(f.out + "/x")->existed);
    REQUIRE(!f.remove(f.out + "/x")->existed);
    REQUIRE(!f.remove(f.out + "/no/such/folder")->existed);
    REQUIRE(f.rename(f.out + "/x", f.out + "/y").error() == errc::not_found);
}

TEST_CASE("a disc that takes no more is io_failed with the system's words, and leaves nothing",
          "[transport]") {
    fixture f;
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    rlimit tight = before;
    tight.rlim_cur = 10'000;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const auto outcome = f.store(f.out + "/big", std::string(100'000, 'x'));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, ignored);
    REQUIRE(!outcome);
    REQUIRE(outcome.error() == errc::io_failed);
    REQUIRE(outcome.error().describe().find("arge") != std::string::npos);
    REQUIRE(!fs::exists(f.base / "out/big"));
}

TEST_CASE("a root to read must be there, a writable one is made by its first write",
          "[transport]") {
    fixture f;
    effect_registry effects;
    files_options options;
    options.roots = {{.folder = (f.base / "none").string()}};
    REQUIRE(add_file_effects(effects, options).error() == errc::not_found);
    options.roots[0].writable = true;
    REQUIRE(add_file_effects(effects, options));
    const std::string none = (f.base / "none").string();
    f.effects = effects;
    REQUIRE(f.list(none).error() == errc::not_found);
    REQUIRE_FALSE(fs::exists(none));
    REQUIRE(f.store(none + "/a", "x"));
    REQUIRE(fs::is_directory(none));
    REQUIRE(f.list(none)->items.size() == 1);
    options.roots.push_back({.folder = f.base.string(), .name = (f.base / "none/").string()});
    REQUIRE(add_file_effects(effects, options).error() == errc::already_exists);
}

TEST_CASE("of two roots that fit a path the longer name counts", "[transport]") {
    fixture f;
    effect_registry effects;
    files_options options;
    options.roots = {{.folder = f.base.string()},
                     {.folder = (f.base / "out").string(), .writable = true}};
    REQUIRE(add_file_effects(effects, options));
    f.effects = effects;
    REQUIRE(f.store((f.base / "out/x").string(), "x"));
    REQUIRE(f.store((f.base / "in/x").string(), "x").error() == errc::access_denied);
    REQUIRE(f.read((f.base / "in/a.txt").string())->data.text() == "alpha");
}
