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

namespace fs = std::filesystem;

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    REQUIRE(value != nullptr);
    return value;
}
std::string bin(const std::string& program) {
    return variable("EQUUS_BIN") + "/" + program;
}
std::string source(const std::string& path) {
    return variable("EQUUS_SOURCE") + "/" + path;
}

struct outcome {
    int code = -1;
    std::string text; ///< standard output and standard error
};

outcome command(const std::string& line) {
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

std::string quoted(const std::string& path) {
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

private:
    fs::path path_;
};

/// Processes whose parent is `parent`.
std::vector<pid_t> children_of(pid_t parent) {
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

template <class Condition>
bool wait_until(Condition&& holds) {
    for (int i = 0; i < 3'000; ++i) {
        if (holds())
            return true;
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
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

std::string run_line(const std::string& file, int nodes, const std::string& more = {}) {
    return quoted(bin("equus")) + " run " + quoted(file) + " --nodes " + std::to_string(nodes) +
           " " + more;
}

/// A computation that does not end by itself: its guest waits for an answer that never comes.
constexpr const char* endless = R"(rdc endless version 1
use "hello" from "hello"
channel door : hello.greeting
primary incarnation waiting : hello.greeter { port door <- door }
)";

} // namespace

TEST_CASE("hello runs over two nodes by one command", "[run]") {
    const scratch here;
    const outcome ran = command(run_line(source("samples/hello/hello.rdc"), 2));
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    REQUIRE(ran.text.find("hello, world\n") != std::string::npos);
}

TEST_CASE("the print shop prints every document's words in order", "[run][K2]") {
    const scratch here;
    const int nodes = GENERATE(1, 4);
    const std::string documents = source("samples/print_shop/documents");
    const outcome ran = command(
        run_line(source("samples/print_shop/print_shop.rdc"), nodes,
                 "--set documents=" + quoted(documents) + " --set out=" + quoted(here / "out")));
    INFO(ran.text);
    REQUIRE(ran.code == 0);
    REQUIRE(ran.text.find("lost 0, duplicated 0") != std::string::npos);
    const outcome words = command(quoted(bin("print_shop_words")) + " " + quoted(documents) + " " +
                                  quoted(here / "out"));
    INFO(words.text);
    REQUIRE(words.code == 0);
}

TEST_CASE("a document that cannot be read spoils only itself", "[run]") {
    const scratch here;
    here.write("docs/good.txt", "one two three");
    here.write("docs/bad.txt", "one \xff\xfe two");
    const outcome ran = command(run_line(source("samples/print_shop/print_shop.rdc"), 2,
                                         "--set documents=" + quoted(here / "docs") +
                                             " --set out=" + quoted(here / "out")));
    INFO(ran.text);
    REQUIRE(ran.code == 1);
    REQUIRE(ran.text.find("not printed: bad.txt") != std::string::npos);
    REQUIRE(ran.text.find("lost 0, duplicated 0") != std::string::npos);
    REQUIRE(fs::exists(here / "out/good.txt.pdf"));
    REQUIRE_FALSE(fs::exists(here / "out/bad.txt.pdf"));
}

TEST_CASE("what is wrong is said before anything is started", "[run]") {
    const scratch here;
    here.write("bad.rdc", "rdc bad version 1\nuse \"hello\" from \"hello\"\n"
                          "primary incarnation g : hello.gest { }\n");
    const outcome ran = command(run_line(here / "bad.rdc", 2, "--program " + quoted(bin("hello"))));
    INFO(ran.text);
    REQUIRE(ran.code == 1);
    REQUIRE(ran.text.find("bad.rdc:3:25: error R012") != std::string::npos);
    REQUIRE(ran.text.find("did you mean 'hello.guest'?") != std::string::npos);
    REQUIRE(command(quoted(bin("equus")) + " run").code == 2);
    REQUIRE(command(run_line(here / "nothing.rdc", 1)).code == 1);
}

TEST_CASE("a run can be looked at and stopped by its name", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    background run{{bin("equus"), "run", here / "endless.rdc", "--nodes", "2", "--name", "looked",
                    "--program", bin("hello")},
                   here / "log"};
    outcome seen;
    REQUIRE(wait_until([&] {
        seen = command(quoted(bin("equus")) + " ps --run looked --json");
        return seen.code == 0 && seen.text.find("hello.greeter") != std::string::npos;
    }));
    REQUIRE(seen.text.find("\"name\":\"waiting\"") != std::string::npos);
    REQUIRE(command(quoted(bin("equus")) + " graph --live --run looked").code == 0);
    REQUIRE(command(quoted(bin("equus")) + " stop --run looked").code == 0);
    REQUIRE(run.wait() != 0);
    REQUIRE(command(quoted(bin("equus")) + " ps --run looked").code == 5);
}

TEST_CASE("no process is left behind, whatever ends the launcher", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    const int how = GENERATE(SIGINT, SIGKILL);
    background run{{bin("equus"), "run", here / "endless.rdc", "--nodes", "3", "--name", "ended",
                    "--program", bin("hello")},
                   here / "log"};
    std::vector<pid_t> nodes;
    REQUIRE(wait_until([&] {
        nodes = children_of(run.pid());
        return nodes.size() == 3 && command(quoted(bin("equus")) + " ps --run ended").code == 0;
    }));
    REQUIRE(::kill(run.pid(), how) == 0);
    const int code = run.wait();
    REQUIRE(code == (how == SIGINT ? 130 : 128 + SIGKILL));
    for (const pid_t node : nodes)
        REQUIRE(wait_until([&] { return ::kill(node, 0) != 0; }));
}

TEST_CASE("a crashed root ends the run with a clear report", "[run]") {
    const scratch here;
    here.write("endless.rdc", endless);
    background run{{bin("equus"), "run", here / "endless.rdc", "--nodes", "2", "--name", "crashed",
                    "--program", bin("hello")},
                   here / "log"};
    std::vector<pid_t> nodes;
    REQUIRE(wait_until([&] {
        nodes = children_of(run.pid());
        return nodes.size() == 2 && command(quoted(bin("equus")) + " ps --run crashed").code == 0;
    }));
    // The root was started first.
    REQUIRE(::kill(std::min(nodes[0], nodes[1]), SIGKILL) == 0);
    REQUIRE(run.wait() == 4);
    std::ifstream log{here / "log"};
    const std::string text{std::istreambuf_iterator<char>{log}, {}};
    INFO(text);
    REQUIRE(text.find("was killed by signal 9") != std::string::npos);
    for (const pid_t node : nodes)
        REQUIRE(wait_until([&] { return ::kill(node, 0) != 0; }));
}
