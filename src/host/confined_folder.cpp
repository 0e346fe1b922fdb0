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
        if (part.empty())
            return refused("absolute, or with an empty part");
        if (part == "." || part == "..")
            return refused("leads out of its folder");
        if (part.size() > NAME_MAX)
            return refused("a part is too long");
        if (parts.size() >= depth_max)
            return refused("too deep");
        parts.emplace_back(part);
        begin = end + 1;
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
    confined_place place{descriptor{::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0)},
                         std::move(parts->back())};
    if (!place.folder)
        return fail(system_error("a file descriptor"));
    parts->pop_back();
    for (const std::string& part : *parts) {
        if (make && ::mkdirat(place.folder.get(), part.c_str(), 0777) != 0 && errno != EEXIST)
            return fail(system_error("folder '" + part + "'"));
        auto below = open_subfolder(place.folder.get(), part);
        if (!below)
            return fail(std::move(below.error()));
        place.folder = std::move(*below);
    }
    return place;
}

result<descriptor> confined_folder::find_folder(std::string_view path,
                                                std::uint32_t depth_max) const {
    // Opened anew: reading a folder moves the descriptor's position, which duplicates share.
    if (path.empty())
        return open_subfolder(fd_.get(), ".");
    auto place = find(path, depth_max, false);
    if (!place)
        return fail(std::move(place.error()));
    return open_subfolder(place->folder.get(), place->name);
}

} // namespace equus::host
