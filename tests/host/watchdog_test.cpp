#include "host/watchdog.hpp"
#include "platform.hpp"
#include "runtime/actors.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

using namespace equus;
using namespace equus::test;

namespace {

volatile bool going_on = true;

task<told> spins(ask) {
    co_await sleep(1ms);
    while (going_on) {
    }
    co_return told{};
}
task<> asks(actor& me) {
    const auto out = co_await me.reach("spinner");
    co_await ok(co_await out.invoke<ask>(0u));
}
task<> spins_itself(actor&) {
    co_await sleep(1ms);
    while (going_on) {
    }
}

struct end_of_process {
    int code = -1;
    std::string text;
};

/// Runs a cast of which one never yields in a process of its own.
end_of_process watched(bool in_handler) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::close(ends[1]);
        ::alarm(120); // whatever happens
        host::watchdog dog{"n1", 100ms, &running_now};
        stage on;
        on.add();
        if (in_handler)
            on.serve("spinner", 1, &spins).play("asker", 1, &asks);
        else
            on.play("spinner", 1, &spins_itself);
        dog.slice_begins();
        on.begin();
        on.advance(1s);
        ::_exit(0);
    }
    ::close(ends[1]);
    end_of_process out;
    std::array<char, 4096> piece;
    for (ssize_t got = 0; (got = ::read(ends[0], piece.data(), piece.size())) > 0;)
        out.text.append(piece.data(), static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return out;
}

} // namespace

TEST_CASE("a handler that never comes to an await is named, and ends its process", "[K4]") {
    const end_of_process end = watched(true);
    INFO(end.text);
    REQUIRE(end.code == platform::exit_never_yields);
    REQUIRE(end.text.find("node n1: incarnation 'spinner'") != std::string::npos);
    REQUIRE(end.text.find("module 'clerk'") != std::string::npos);
    REQUIRE(end.text.find("in the handler of ask") != std::string::npos);
    REQUIRE(end.text.find("test_watchdog") != std::string::npos); // its stack
}

TEST_CASE("a main() that never comes to an await is named, and ends its process", "[K4]") {
    const end_of_process end = watched(false);
    INFO(end.text);
    REQUIRE(end.code == platform::exit_never_yields);
    REQUIRE(end.text.find("incarnation 'spinner'") != std::string::npos);
    REQUIRE(end.text.find("in main() or start()") != std::string::npos);
}
