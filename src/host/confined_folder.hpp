// A folder that requests may name files in, and nothing outside of it. Every part of a path is
// opened from the one before it without following links, so no "..", no symbolic link and no
// renaming in between leads out.
#pragma once

#include <equus/base/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equus::host {

/// Owns a file descriptor.
class descriptor {
public:
    descriptor() noexcept = default;
    explicit descriptor(int fd) noexcept : fd_{fd} {}
    descriptor(descriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor();

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// errc::not_found, or errc::io_failed with the system's words, for the present errno.
error system_error(std::string what);

/// A file by its folder and its name in there.
struct confined_place {
    descriptor folder;
    std::string name;
};

class confined_folder {
public:
    /// Opens `folder`; makes it, and what leads to it, if `make` says so.
    static result<confined_folder> open(const std::string& folder, bool make);

    /// The folder and name of a file, which need not exist. Missing folders are made if `make` says
    /// so. errc::invalid_argument: not a path below this folder; errc::access_denied: through a
    /// symbolic link.
    result<confined_place> find(std::string_view path, std::uint32_t depth_max, bool make) const;
    /// Opens a folder below; an empty path is this one.
    result<descriptor> find_folder(std::string_view path, std::uint32_t depth_max) const;

private:
    explicit confined_folder(descriptor fd) noexcept : fd_{std::move(fd)} {}
    result<descriptor> walk(const std::vector<std::string>& parts, bool make) const;
    descriptor fd_;
};

/// Opens a folder inside another. errc::access_denied for a symbolic link.
result<descriptor> open_subfolder(int parent, const std::string& name);
/// Opens a regular file; `flags` of open(2). errc::access_denied for a symbolic link,
/// errc::invalid_argument for anything else that is not a regular file.
result<descriptor> open_regular(int folder, const std::string& name, int flags);

} // namespace equus::host
