#include "host/confined_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <vector>

namespace equus::host {

namespace {

bool is_link(int folder, const std::string& name) {
    struct stat found {};
    return ::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISLNK(found.st_mode);
}

error cannot_open(int folder, const std::string& name) {
    const int cause = errno;
    if (is_link(folder, name))
        return {errc::access_denied, "'" + name + "' is a symbolic link"};
    errno = cause;
    return system_error("'" + name + "'");
}

/// Without the parts that mean nothing: "a//b/./c/" is a, b, c.
result<std::vector<std::string>> parts_of(std::string_view path, std::uint32_t depth_max) {
    const auto refused = [&](const char* why) {
        return fail(errc::invalid_argument, "path '" + std::string{path} + "': " + why);
    };
    std::vector<std::string> parts;
    if (path.find('\0') != std::string_view::npos)
        return fail(errc::invalid_argument, "a path with a zero byte");
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part.empty() || part == ".")
            continue;
        if (part == "..")
            return refused("leads out of its folder");
        if (part.size() > NAME_MAX)
            return refused("a part is too long");
        if (parts.size() >= depth_max)
            return refused("too deep");
        parts.emplace_back(part);
    }
    return parts;
}

} // namespace

descriptor::~descriptor() {
    if (fd_ >= 0)
        ::close(fd_);
}

error system_error(std::string what) {
    const int cause = errno;
    return {cause == ENOENT ? errc::not_found : errc::io_failed,
            std::move(what) + ": " + std::strerror(cause)};
}

result<descriptor> open_subfolder(int parent, const std::string& name) {
    descriptor opened{
        ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!opened)
        return fail(cannot_open(parent, name));
    return opened;
}

result<descriptor> open_regular(int folder, const std::string& name, int flags) {
    // Without O_NONBLOCK a named pipe would hold the thread until somebody writes.
    descriptor opened{
        ::openat(folder, name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666)};
    if (!opened)
        return fail(cannot_open(folder, name));
    struct stat found {};
    if (::fstat(opened.get(), &found) != 0)
        return fail(system_error("'" + name + "'"));
    if (!S_ISREG(found.st_mode))
        return fail(errc::invalid_argument, "'" + name + "' is not a regular file");
    return opened;
}

result<confined_folder> confined_folder::open(const std::string& folder, bool make) {
    if (make) {
        std::error_code problem;
        std::filesystem::create_directories(folder, problem);
    }
    descriptor opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!opened)
        return fail(system_error("folder '" + folder + "'"));
    return confined_folder{std::move(opened)};
}

result<confined_place> confined_folder::find(std::string_view path, std::uint32_t depth_max,
                                             bool make) const {
    auto parts = parts_of(path, depth_max);
    if (!parts)
        return fail(std::move(parts.error()));
    if (parts->empty())
        return fail(errc::invalid_argument, "path '" + std::string{path} + "' names no file");
    std::string name = std::move(parts->back());
    parts->pop_back();
    auto folder = walk(*parts, make);
    if (!folder)
        return fail(std::move(folder.error()));
    return confined_place{std::move(*folder), std::move(name)};
}

result<descriptor> confined_folder::find_folder(std::string_view path,
                                                std::uint32_t depth_max) const {
    auto parts = parts_of(path, depth_max);
    if (!parts)
        return fail(std::move(parts.error()));
    return walk(*parts, false);
}

result<descriptor> confined_folder::walk(const std::vector<std::string>& parts, bool make) const {
    // Opened anew: reading a folder moves the descriptor's position, which duplicates share.
    auto at = open_subfolder(fd_.get(), ".");
    for (const std::string& part : parts) {
        if (!at)
            break;
        if (make && ::mkdirat(at->get(), part.c_str(), 0777) != 0 && errno != EEXIST)
            return fail(system_error("folder '" + part + "'"));
        at = open_subfolder(at->get(), part);
    }
    return at;
}

} // namespace equus::host
