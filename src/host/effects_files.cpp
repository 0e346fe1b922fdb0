#include "host/confined_folder.hpp"

#include <equus/host/files.hpp>
#include <equus/services/files.hpp>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>

namespace equus {

namespace {

using host::confined_folder;
using host::confined_place;
using host::descriptor;
using host::open_regular;
using host::open_subfolder;
using host::system_error;

/// A folder that nodes were given. A writable one that is not there yet is made by the first write,
/// so that a mistyped name of a folder to read does not become an empty folder.
class open_root {
public:
    open_root(std::string path, bool may_write) : path_{std::move(path)}, writable_{may_write} {}

    bool writable() const noexcept { return writable_; }
    result<const confined_folder*> open(bool make) const {
        const std::lock_guard held{guard_};
        if (!folder_) {
            auto opened = confined_folder::open(path_, make);
            if (!opened)
                return fail(std::move(opened.error()));
            folder_.emplace(std::move(*opened));
        }
        return &*folder_;
    }

private:
    std::string path_;
    bool writable_;
    mutable std::mutex guard_; // requests come from several threads
    mutable std::optional<confined_folder> folder_;
};

/// What the five effects share; constant while they run.
struct file_roots {
    std::map<std::string, std::unique_ptr<open_root>, std::less<>> roots;
    files_options options;

    /// The root that `path` lies in, by the longest name that leads it; `path` becomes what is left
    /// of it, empty for the root itself.
    result<const open_root*> find(std::string_view& path, bool to_write) const {
        const std::string_view whole = path;
        const open_root* best = nullptr;
        for (const auto& [name, root] : roots) {
            if (!whole.starts_with(name))
                continue;
            std::string_view below = whole.substr(name.size());
            if (!below.empty() && !name.ends_with('/') && below.front() != '/')
                continue;
            // In order of names: a longer one that fits comes later.
            best = root.get();
            path = below;
        }
        if (!best)
            return fail(errc::access_denied,
                        "'" + std::string{whole} + "' is in no folder that this node was given");
        if (to_write && !best->writable())
            return fail(errc::access_denied,
                        "'" + std::string{whole} + "' is in a folder for reading only");
        return best;
    }
    result<confined_place> place(std::string_view path, bool to_write, bool make) const {
        auto root = find(path, to_write);
        if (!root)
            return fail(std::move(root.error()));
        auto folder = (*root)->open(make);
        if (!folder)
            return fail(std::move(folder.error()));
        return (*folder)->find(path, options.depth_max, make);
    }
};

bool is_utf8(std::string_view text) noexcept {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t more = lead < 0x80    ? 0
                                 : lead >= 0xf0 ? 3
                                 : lead >= 0xe0 ? 2
                                 : lead >= 0xc2 ? 1
                                                : 4;
        if (more == 4 || lead > 0xf4 || text.size() - i <= more)
            return false;
        std::uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
        for (std::size_t k = 1; k <= more; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0) != 0x80)
                return false;
            point = point << 6 | (next & 0x3fu);
        }
        if ((more == 2 && (point < 0x800 || (point >= 0xd800 && point < 0xe000))) ||
            (more == 3 && (point < 0x10000 || point > 0x10ffff)))
            return false;
        i += more + 1;
    }
    return true;
}

// ---- list

using directory = std::unique_ptr<DIR, decltype([](DIR* opened) { ::closedir(opened); })>;

/// The names in a folder except "." and "..".
result<std::vector<std::string>> names_in(descriptor folder) {
    const directory opened{::fdopendir(::fcntl(folder.get(), F_DUPFD_CLOEXEC, 0))};
    if (!opened)
        return fail(system_error("reading a folder"));
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* found = ::readdir(opened.get())) {
        const std::string_view name{found->d_name};
        if (name != "." && name != "..")
            names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0)
        return fail(system_error("reading a folder"));
    return names;
}

class lister {
public:
    lister(const files_options& options, bool recursive)
        : options_{options}, recursive_{recursive} {}

    result<void> add(descriptor folder, const std::string& prefix, std::uint32_t depth) {
        const int fd = folder.get();
        descriptor kept{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
        auto names = names_in(std::move(folder));
        if (!names)
            return fail(std::move(names.error()));
        for (const std::string& name : *names)
            if (auto added = add_one(kept.get(), prefix, name, depth); !added)
                return added;
        return {};
    }
    files::listing take() {
        std::ranges::sort(out_.items, {}, &files::item::path);
        return std::move(out_);
    }

private:
    result<void> add_one(int folder, const std::string& prefix, const std::string& name,
                         std::uint32_t depth) {
        struct stat found {};
        const bool known = ::fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0;
        const bool is_folder = known && S_ISDIR(found.st_mode);
        if (!known || !(is_folder || S_ISREG(found.st_mode)) || !is_utf8(name))
            return {};
        if (out_.items.size() >= options_.entries_max)
            return fail(errc::too_large, "more than " + std::to_string(options_.entries_max) +
                                             " files: entries_max");
        const auto size_bytes = is_folder ? 0 : static_cast<std::uint64_t>(found.st_size);
        out_.items.push_back({prefix + name, is_folder, size_bytes});
        if (!is_folder || !recursive_ || depth + 1 >= options_.depth_max)
            return {};
        auto below = open_subfolder(folder, name);
        // One folder that may not be read hides itself only.
        return below ? add(std::move(*below), prefix + name + "/", depth + 1) : result<void>{};
    }

    const files_options& options_;
    bool recursive_;
    files::listing out_;
};

result<files::listing> list(const file_roots& roots, const files::list& request) {
    std::string_view path = request.folder;
    auto root = roots.find(path, false);
    if (!root)
        return fail(std::move(root.error()));
    auto opened = (*root)->open(false);
    if (!opened)
        return fail(std::move(opened.error()));
    auto folder = (*opened)->find_folder(path, roots.options.depth_max);
    if (!folder)
        return fail(std::move(folder.error()));
    lister found{roots.options, request.recursive};
    if (auto added = found.add(std::move(*folder), "", 0); !added)
        return fail(std::move(added.error()));
    return found.take();
}

// ---- read

result<files::content> read(const file_roots& roots, const files::read& request) {
    auto place = roots.place(request.path, false, false);
    if (!place)
        return fail(std::move(place.error()));
    auto file = open_regular(place->folder.get(), place->name, O_RDONLY);
    if (!file)
        return fail(std::move(file.error()));
    struct stat found {};
    if (::fstat(file->get(), &found) != 0)
        return fail(system_error("'" + request.path + "'"));

    files::content out;
    out.file_bytes = static_cast<std::uint64_t>(found.st_size);
    std::uint64_t wanted = request.offset < out.file_bytes ? out.file_bytes - request.offset : 0;
    if (request.bytes_max != 0)
        wanted = std::min(wanted, request.bytes_max);
    if (wanted > roots.options.read_bytes_max)
        return fail(errc::too_large, "'" + request.path + "': " + std::to_string(wanted) +
                                         " bytes are more than one reply holds: read_bytes_max");
    out.data.resize(static_cast<std::size_t>(wanted));
    std::size_t done = 0;
    while (done < out.data.size()) {
        const ssize_t got = ::pread(file->get(), out.data.data() + done, out.data.size() - done,
                                    static_cast<off_t>(request.offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail(system_error("reading '" + request.path + "'"));
        if (got == 0)
            break;
        done += static_cast<std::size_t>(got);
    }
    out.data.resize(done);
    return out;
}

// ---- store, rename, remove

result<void> write_all(int file, std::span<const std::byte> data) {
    while (!data.empty()) {
        const ssize_t done = ::write(file, data.data(), data.size());
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail(errc::io_failed, std::strerror(errno));
        data = data.subspan(static_cast<std::size_t>(done));
    }
    if (::fsync(file) != 0)
        return fail(errc::io_failed, std::strerror(errno));
    return {};
}

result<files::written> store(const file_roots& roots, const files::store& request) {
    auto place = roots.place(request.path, true, true);
    if (!place)
        return fail(std::move(place.error()));
    auto file = open_regular(place->folder.get(), place->name, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file)
        return fail(std::move(file.error()));
    if (auto done = write_all(file->get(), request.data.span()); !done) {
        // Half a file is of no use to anybody and may be what fills the disc.
        ::unlinkat(place->folder.get(), place->name.c_str(), 0);
        return fail(
            error{errc::io_failed, "writing '" + request.path + "'", std::move(done.error())});
    }
    return files::written{request.data.size()};
}

result<files::done> rename(const file_roots& roots, const files::rename& request) {
    auto from = roots.place(request.from, true, false);
    if (!from)
        return fail(std::move(from.error()));
    auto to = roots.place(request.to, true, true);
    if (!to)
        return fail(std::move(to.error()));
    const auto what = [&] { return "renaming '" + request.from + "' to '" + request.to + "'"; };
    if (::renameat(from->folder.get(), from->name.c_str(), to->folder.get(), to->name.c_str()) != 0)
        return fail(system_error(what()));
    // The name is safe only when its folder is.
    if (::fsync(to->folder.get()) != 0)
        return fail(system_error(what()));
    return files::done{};
}

result<files::done> remove(const file_roots& roots, const files::remove& request) {
    auto place = roots.place(request.path, true, false);
    if (place) {
        if (::unlinkat(place->folder.get(), place->name.c_str(), 0) == 0)
            return files::done{true};
        place = fail(system_error("removing '" + request.path + "'"));
    }
    if (place.error() == errc::not_found)
        return files::done{false};
    return fail(std::move(place.error()));
}

} // namespace

result<void> add_file_effects(effect_registry& effects, const files_options& options) {
    auto roots = std::make_shared<file_roots>();
    roots->options = options;
    for (const files_root& root : options.roots) {
        auto made = std::make_unique<open_root>(root.folder, root.writable);
        if (auto opened = made->open(false);
            !opened && !(root.writable && opened.error() == errc::not_found))
            return fail(std::move(opened.error()));
        std::string name = root.name.empty() ? root.folder : root.name;
        while (name.size() > 1 && (name.ends_with('/') || name.ends_with("/.")))
            name.pop_back();
        if (!roots->roots.emplace(name, std::move(made)).second)
            return fail(errc::already_exists, "two folders are called '" + name + "'");
    }
    const auto add = [&]<class Request>(std::string_view name, auto does,
                                        std::type_identity<Request>) {
        effects.add<Request>(std::string{name},
                             [roots, does](Request request) { return does(*roots, request); });
    };
    add(files::list_effect, &list, std::type_identity<files::list>{});
    add(files::read_effect, &read, std::type_identity<files::read>{});
    add(files::store_effect, &store, std::type_identity<files::store>{});
    add(files::rename_effect, &rename, std::type_identity<files::rename>{});
    add(files::remove_effect, &remove, std::type_identity<files::remove>{});
    return {};
}

} // namespace equus
