#include "host/commands/programs.hpp"

#include "config/export_json.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h> // NOLINT: kill
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

extern char** environ; // NOLINT: POSIX's name

namespace equus::commands {

namespace {

constexpr int answer_within_ms = 10'000;
constexpr std::size_t answer_bytes_max = std::size_t{4} << 20;

bool is_executable(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

} // namespace

result<std::string> output_of(const std::string& path, const std::vector<std::string>& words) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail(errc::io_failed, std::strerror(errno));
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    std::vector<std::string> spoken{path};
    spoken.insert(spoken.end(), words.begin(), words.end());
    std::vector<char*> arguments;
    for (std::string& each : spoken)
        arguments.push_back(each.data());
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int failed =
        ::posix_spawn(&pid, path.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (failed != 0) {
        ::close(ends[0]);
        return fail(errc::io_failed, std::strerror(failed));
    }
    std::string text;
    bool late = false;
    std::array<char, 16'384> piece;
    for (;;) {
        pollfd waits{ends[0], POLLIN, 0};
        if (::poll(&waits, 1, answer_within_ms) == 0) {
            late = true;
            break;
        }
        const ssize_t got = ::read(ends[0], piece.data(), piece.size());
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > answer_bytes_max) {
            late = true;
            break;
        }
    }
    ::close(ends[0]);
    if (late)
        ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    const std::string question = "'" + words.front() + " --json'";
    if (late)
        return fail(errc::timed_out, "it does not answer " + question);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(errc::io_failed, question + " failed: is it an Equus program?");
    return text;
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

program_finder::program_finder(const context& with, std::string file,
                               const std::vector<std::string>& given)
    : with_{with}, beside_{folder_of(file)} {
    for (const std::string& each : given) {
        const auto equals = each.find('=');
        const std::string path = equals == std::string::npos ? each : each.substr(equals + 1);
        const std::string name = equals == std::string::npos
                                     ? std::filesystem::path{path}.filename().string()
                                     : each.substr(0, equals);
        given_[name] = path;
    }
}

std::vector<std::string> program_finder::unwanted() const {
    std::vector<std::string> out;
    for (const auto& [name, path] : given_)
        if (wanted_.count(name) == 0)
            out.push_back(name);
    return out;
}

result<std::string> program_finder::find(const std::string& name) {
    wanted_.insert(name);
    if (const auto given = given_.find(name); given != given_.end()) {
        if (is_executable(given->second))
            return given->second;
        return fail(errc::not_found, "'" + given->second + "' is no program");
    }
    if (name == with_.program)
        return with_.program_path;
    const std::string own_folder = folder_of(with_.program_path);
    for (const std::string& folder : {beside_, own_folder}) {
        const std::string path = folder + "/" + name;
        if (is_executable(path))
            return path;
    }
    const std::string looked =
        beside_ == own_folder ? "" : "'" + beside_ + "' and "; // of the file, of this program
    return fail(errc::not_found, "looked in " + looked + "'" + own_folder +
                                     "'; give it with --program " + name + "=PATH");
}

result<manifest> program_finder::ask(const std::string& name) {
    auto path = find(name);
    if (!path)
        return fail(std::move(path.error()));
    result<manifest> described = fail(errc::not_found);
    if (*path == with_.program_path) {
        described = describe_program(with_);
    } else {
        auto text = output_of(*path, {"manifest", "--json"});
        if (!text)
            return fail(error{errc::io_failed, "program '" + *path + "'", std::move(text.error())});
        described = config::manifest_from_json(*text);
    }
    if (!described)
        return described;
    if (std::find(found_.begin(), found_.end(), *path) == found_.end())
        found_.push_back(*path);
    for (const service_manifest& each : described->services) {
        const bool known = std::any_of(services_.begin(), services_.end(),
                                       [&](const auto& s) { return s.name == each.name; });
        if (!known)
            services_.push_back(each);
    }
    return described;
}

result<std::string> program_of(const context& with, const std::string& name,
                               const std::string& given) {
    const std::string path = given.substr(given.find('=') + 1);
    std::vector<std::string> programs;
    if (!given.empty())
        programs.push_back(name + "=" + path);
    program_finder finder{with, with.program_path, programs};
    if (auto described = finder.ask(name); !described)
        return fail(std::move(described.error()));
    return finder.found().front();
}

} // namespace equus::commands
