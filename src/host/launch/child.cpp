#include "host/launch/child.hpp"

#include "host/launch/node_process.hpp"
#include "platform.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

extern char** environ; // NOLINT: POSIX's name

namespace equus::launcher {

result<child> start_child(asio::io_context& context, std::string name, const std::string& program) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(errc::io_failed, std::string{"socketpair: "} + std::strerror(errno));
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    // dup2 onto itself would keep close-on-exec: the far end is moved out of the way first.
    int far_end = ends[1];
    if (far_end == node_socket) {
        far_end = ::fcntl(ends[1], F_DUPFD_CLOEXEC, node_socket + 1);
        ::close(ends[1]);
    }
    ::posix_spawn_file_actions_adddup2(&actions, far_end, node_socket);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);

    std::string word = "node";
    std::string path = program;
    char* arguments[] = {path.data(), word.data(), nullptr};
    child made;
    const int failed =
        ::posix_spawn(&made.pid, program.c_str(), &actions, &attributes, arguments, environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    ::close(far_end);
    if (failed != 0) {
        ::close(ends[0]);
        return fail(errc::io_failed, "cannot start '" + program + "': " + std::strerror(failed));
    }
    made.name = std::move(name);
    made.program = program;
    pipe::socket socket{context};
    asio::error_code refused;
    socket.assign(asio::local::stream_protocol(), ends[0], refused);
    if (refused)
        return fail(errc::io_failed, refused.message());
    made.talk = pipe::make(std::move(socket));
    return made;
}

std::string describe_status(int status) {
    if (WIFSIGNALED(status))
        return "was killed by signal " + std::to_string(WTERMSIG(status)) + " (" +
               ::strsignal(WTERMSIG(status)) + ")";
    std::string words = "exited with code " + std::to_string(WEXITSTATUS(status));
    if (WEXITSTATUS(status) == platform::exit_never_yields)
        words += ": code of an incarnation never came to an await";
    else if (WEXITSTATUS(status) == platform::exit_out_of_memory)
        words += ": an incarnation took memory without end, where nothing could refuse it";
    return words;
}

} // namespace equus::launcher
