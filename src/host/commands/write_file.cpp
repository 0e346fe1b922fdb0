#include "host/commands/write_file.hpp"

#include <stdlib.h> // NOLINT: mkstemp
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <ostream>

namespace equus::commands {

namespace fs = std::filesystem;

bool write_file(const std::string& path, std::string_view content, std::ostream& err) {
    std::error_code ignored;
    const fs::path target =
        fs::exists(path, ignored) ? fs::canonical(path, ignored) : fs::path{path};
    const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path{"."};
    std::string temporary = (parent / (".equus-XXXXXX")).string();
    const int fd = ::mkstemp(temporary.data());
    bool ok = fd >= 0;
    for (std::size_t at = 0; ok && at < content.size();) {
        const ssize_t wrote = ::write(fd, content.data() + at, content.size() - at);
        if (wrote < 0 && errno == EINTR)
            continue;
        ok = wrote > 0;
        at += ok ? static_cast<std::size_t>(wrote) : 0;
    }
    int trouble = ok ? 0 : errno;
    if (fd >= 0 && ::close(fd) != 0 && ok) {
        ok = false;
        trouble = errno;
    }
    if (ok) {
        const auto wanted = fs::status(target, ignored);
        fs::permissions(temporary,
                        fs::exists(wanted) ? wanted.permissions()
                                           : fs::perms::owner_read | fs::perms::owner_write |
                                                 fs::perms::group_read | fs::perms::others_read,
                        ignored);
        ok = ::rename(temporary.c_str(), target.c_str()) == 0;
        trouble = ok ? 0 : errno;
    }
    if (!ok) {
        if (fd >= 0)
            ::unlink(temporary.c_str());
        err << path << ": " << std::strerror(trouble) << "\n";
    }
    return ok;
}

} // namespace equus::commands
