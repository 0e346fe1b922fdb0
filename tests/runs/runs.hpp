// Whole runs over real processes: commands, runs in the background, folders that go with the test.
#pragma once

#include <catch2/catch.hpp>
#include <signal.h> // NOLINT: kill
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace equus::test {

namespace fs = std::filesystem;

inline std::string variable(const char* name) {
    const char* value = std::getenv(name);
    REQUIRE(value != nullptr);
    return value;
}
inline std::string bin(const std::string& program) {
    return variable("EQUUS_BIN") + "/" + program;
}
inline std::string source(const std::string& path) {
    return variable("EQUUS_SOURCE") + "/" + path;
}

struct outcome {
    int code = -1;
    std::string text; ///< standard output and standard error
};

inline outcome command(const std::string& line) {
    outcome out;
    std::FILE* pipe = ::popen((line + " 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::array<char, 4096> piece;
    while (std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe))
        out.text.append(piece.data(), got);
    const int status = ::pclose(pipe);
    out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return out;
}

inline std::string quoted(const std::string& path) {
    return "'" + path + "'";
}

/// A folder that goes with the test; also where its runs are found.
class scratch {
public:
    scratch() {
        std::string pattern = (fs::temp_directory_path() / "equus-runs-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
        ::setenv("XDG_RUNTIME_DIR", pattern.c_str(), 1);
    }
    ~scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }
    void write(const std::string& name, const std::string& text) const {
        fs::create_directories((path_ / name).parent_path());
        std::ofstream{path_ / name, std::ios::binary} << text;
    }
    std::string read(const std::string& name) const {
        std::ifstream file{path_ / name, std::ios::binary};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

private:
    fs::path path_;
};

/// Processes whose parent is `parent`.
inline std::vector<pid_t> children_of(pid_t parent) {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator{"/proc"}) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos)
            continue;
        std::ifstream stat{entry.path() / "stat"};
        std::string line;
        std::getline(stat, line);
        const auto behind = line.rfind(')');
        if (behind == std::string::npos)
            continue;
        char state = 0;
        int its_parent = 0;
        if (std::sscanf(line.c_str() + behind + 1, " %c %d", &state, &its_parent) == 2 &&
            its_parent == parent && state != 'Z')
            found.push_back(static_cast<pid_t>(std::stol(name)));
    }
    return found;
}

/// Looks until it holds, for half a minute at most.
template <class Condition>
bool wait_until(Condition&& holds) {
    for (int i = 0; i < 15'000; ++i) {
        if (holds())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return false;
}

/// A run in the background; its process id is the launcher's.
class background {
public:
    background(const std::vector<std::string>& arguments, const std::string& log) {
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            std::vector<char*> words;
            for (const std::string& each : arguments)
                words.push_back(const_cast<char*>(each.c_str()));
            words.push_back(nullptr);
            if (!std::freopen(log.c_str(), "w", stdout) || ::dup2(1, 2) != 2)
                ::_exit(126);
            ::execv(words[0], words.data());
            ::_exit(127);
        }
    }
    ~background() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }
    pid_t pid() const { return pid_; }
    int wait() {
        int status = 0;
        const bool done = wait_until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
        REQUIRE(done);
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t pid_ = 0;
};

/// Whether the run of that name has established its computation: the run itself, the last word; its
/// incarnations may be running before.
inline bool is_running(const std::string& name) {
    const outcome seen = command(quoted(bin("equus")) + " ps --json --run " + name);
    return seen.code == 0 && seen.text.find("\"state\":\"running\"}\n") != std::string::npos;
}

inline std::string run_line(const std::string& file, int nodes, const std::string& more = {}) {
    return "timeout 60 " + quoted(bin("equus")) + " run " + quoted(file) + " --nodes " +
           std::to_string(nodes) + " " + more;
}

/// A computation that does not end by itself: its guest waits for an answer that never comes.
inline constexpr const char* endless = R"(rdc endless version 1
use "hello" from "hello"
channel door : hello.greeting
primary incarnation waiting : hello.greeter { port door <- door }
)";

} // namespace equus::test
