#include "host/launch/run_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace equus::launcher {

namespace {
constexpr std::string_view suffix = ".socket";
}

result<std::string> run_folder() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const std::string folder = runtime && *runtime ? std::string{runtime} + "/equus"
                                                   : "/tmp/equus-" + std::to_string(::getuid());
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(errc::io_failed, "cannot make '" + folder + "': " + std::strerror(errno));
    struct stat found {};
    if (::lstat(folder.c_str(), &found) != 0)
        return fail(errc::io_failed, "cannot look at '" + folder + "': " + std::strerror(errno));
    if (!S_ISDIR(found.st_mode) || found.st_uid != ::getuid() || (found.st_mode & 077) != 0)
        return fail(errc::access_denied,
                    "'" + folder + "' must be a folder of yours that nobody else can enter (0700)");
    return folder;
}

bool is_run_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= 60 &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
           });
}

std::string socket_path(const std::string& folder, std::string_view run) {
    return folder + "/" + std::string{run} + std::string{suffix};
}

std::vector<std::string> runs_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator{folder, failed}) {
        const std::string name = entry.path().filename().string();
        if (name.size() > suffix.size() && name.ends_with(suffix))
            names.push_back(name.substr(0, name.size() - suffix.size()));
    }
    std::sort(names.begin(), names.end());
    return names;
}

} // namespace equus::launcher
