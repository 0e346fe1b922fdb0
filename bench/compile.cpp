// What it costs to compile a file that includes the application header and has one incarnation,
// against one that includes the standard headers only.
#include "bench/measure.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace equus::bench {

namespace {

namespace fs = std::filesystem;

constexpr const char* standard_only = R"(
#include <coroutine>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <variant>
#include <vector>
struct counter { std::map<std::string, std::vector<int>> values; };
int total(const counter& c) { return static_cast<int>(c.values.size()); }
)";
constexpr const char* one_incarnation = R"(
#include <equus/equus.hpp>
struct sum { std::int64_t value = 0; EQUUS_FIELDS(value) };
struct add { using reply = sum; std::int64_t amount = 0; EQUUS_FIELDS(amount) };
using counting = equus::protocol<"lab.counting", add>;
class counter : public equus::incarnation<counter> {
public:
    struct state { std::int64_t total = 0; EQUUS_FIELDS(total) };
    state state_;
    equus::port<counting> in{*this, "in"};
    sum on(add a) { return {state_.total += a.amount}; }
};
void offer(equus::module_table& modules) { modules.add<counter>("lab.counter"); }
)";

/// Beside this program: an install tree or the source tree of a build.
fs::path headers() {
    std::error_code unknown;
    const fs::path program = fs::read_symlink("/proc/self/exe", unknown);
    for (const fs::path& root : {program.parent_path().parent_path(),
                                 program.parent_path().parent_path().parent_path().parent_path()})
        if (fs::exists(root / "include/equus/equus.hpp"))
            return root / "include";
    throw std::runtime_error{"the headers are neither installed beside this program nor in the "
                             "tree that it was built in"};
}

/// Compiles the text with g++; seconds of processor time and the compiler's memory.
sample compile(const char* text) {
    pin_to_core(0);
    char folder[] = "/tmp/equus-bench-XXXXXX";
    if (!mkdtemp(folder))
        throw std::runtime_error{"no temporary folder"};
    const fs::path inside{folder};
    std::ofstream{inside / "one.cpp"} << text;
    const std::string include = "-I" + headers().string();
    const std::string source = inside / "one.cpp";
    const std::string object = inside / "one.o";
    const std::int64_t began = now_ns();
    const pid_t child = fork();
    if (child == 0) {
        execlp("g++", "g++", "-std=c++20", include.c_str(), "-c", source.c_str(), "-o",
               object.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = -1;
    rusage used{};
    wait4(child, &status, 0, &used);
    const std::int64_t ended = now_ns();
    std::error_code ignored;
    fs::remove_all(inside, ignored);
    if (status != 0)
        throw std::runtime_error{"g++ did not compile it"};
    sample out;
    out.p50_us = out.p99_us = static_cast<double>(ended - began) / 1e3;
    out.ops_per_s = 1e6 / out.p50_us;
    out.rss_mb = static_cast<double>(used.ru_maxrss) * 1024 / 1e6;
    return out;
}

} // namespace

void add_compile_rows(row_list& rows) {
    rows.push_back(
        {"limit", "compile.header", "g++ -std=c++20 -c", [] { return compile(standard_only); }});
    rows.push_back(
        {"equus", "compile.header", "g++ -std=c++20 -c", [] { return compile(one_incarnation); }});
}

} // namespace equus::bench
