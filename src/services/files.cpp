#include "services/files.hpp"

#include <equus/control.hpp>

#include <utility>

namespace equus::services {

namespace {

/// Requests under way at once; the others wait in the port, and their senders for credit.
constexpr std::size_t serving_max = 64;
constexpr std::string_view partial = ".partial-";

/// Takes "NUMBER-" from the front; 0 when there is none.
std::uint64_t take_number(std::string_view& text) noexcept {
    std::uint64_t value = 0;
    std::size_t at = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
        value = value * 10 + static_cast<std::uint64_t>(text[at] - '0');
    const bool whole = at > 0 && at < text.size() && text[at] == '-';
    text.remove_prefix(whole ? at + 1 : text.size());
    return whole ? value : 0;
}

/// Whether that is a name which temporary_name() gave in a life of this run that is over.
bool is_left_behind(std::string_view path, const std::vector<member_info>& present) {
    path.remove_prefix(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
    const auto mark = path.rfind(partial);
    if (mark == path.npos || path.front() != '.')
        return false;
    std::string_view life = path.substr(mark + partial.size());
    if (take_number(life) != own_rdc().value)
        return false;
    const auto node = static_cast<std::uint32_t>(take_number(life));
    const auto boot = static_cast<std::uint32_t>(take_number(life));
    for (const member_info& member : present)
        if (member.at == node_boot{{node}, {boot}})
            return false;
    return node != 0 && boot != 0;
}

} // namespace

std::vector<std::string> files_service::effects() {
    return {std::string{files::list_effect}, std::string{files::read_effect},
            std::string{files::store_effect}, std::string{files::rename_effect},
            std::string{files::remove_effect}};
}

task<> files_service::main() {
    for (;;) {
        while (serving_.size() >= serving_max)
            co_await serving_.one_ended();
        auto got = co_await requests.receive();
        if (!got)
            co_return;
        serving_.start(serve(std::move(*got)));
    }
}

task<> files_service::serve(request message) {
    if (message.is<files::list>())
        co_await list(std::move(message));
    else if (message.is<files::read>())
        co_await read(std::move(message));
    else if (message.is<files::write>())
        co_await write(std::move(message));
    else if (message.is<files::remove>())
        co_await remove(std::move(message));
    else if (message.is<files::tidy>())
        co_await tidy(std::move(message));
    else
        message.reply_error(errc::unknown_message);
}

task<> files_service::list(request message) {
    auto asked = message.take<files::list>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    auto done = co_await effect(files::list_effect, *asked);
    if (done)
        message.reply<files::list>(std::move(*done));
    else
        message.reply_error(std::move(done.error()));
}

task<> files_service::read(request message) {
    auto asked = message.take<files::read>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    auto done = co_await effect(files::read_effect, *asked);
    if (done)
        message.reply<files::read>(std::move(*done));
    else
        message.reply_error(std::move(done.error()));
}

/// Beside the final name, hidden, and of this life of this node of this run only: two writers of
/// one file never share it, and the last to be renamed wins as a whole.
std::string files_service::temporary_name(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
    const node_boot here = where();
    return path.substr(0, name) + "." + path.substr(name) + std::string{partial} +
           std::to_string(own_rdc().value) + "-" + std::to_string(here.node.value) + "-" +
           std::to_string(here.boot.value) + "-" + std::to_string(next_temporary_++);
}

task<> files_service::write(request message) {
    auto asked = message.take<files::write>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    if (asked->path.empty() || asked->path.back() == '/') {
        message.reply_error({errc::invalid_argument, "'" + asked->path + "' names no file"});
        co_return;
    }
    files::store whole;
    whole.path = temporary_name(asked->path);
    whole.data = std::move(asked->data);
    auto stored = co_await effect(files::store_effect, whole);
    result<files::done> renamed = fail(errc::cancelled);
    if (stored) {
        files::rename commit;
        commit.from = whole.path;
        commit.to = asked->path;
        renamed = co_await effect(files::rename_effect, commit);
    }
    if (stored && renamed) {
        message.reply<files::write>(*stored);
        co_return;
    }
    error why = stored ? std::move(renamed.error()) : std::move(stored.error());
    files::remove leftover;
    leftover.path = whole.path;
    static_cast<void>(co_await effect(files::remove_effect, leftover));
    // The temporary name means nothing to whoever asked.
    error reason = why.cause() ? *why.cause() : std::move(why);
    const errc code = reason.code();
    message.reply_error({code, "writing '" + asked->path + "'", std::move(reason)});
}

task<> files_service::remove(request message) {
    auto asked = message.take<files::remove>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    auto done = co_await effect(files::remove_effect, *asked);
    if (done)
        message.reply<files::remove>(*done);
    else
        message.reply_error(std::move(done.error()));
}

task<> files_service::tidy(request message) {
    auto asked = message.take<files::tidy>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    files::list below;
    below.folder = asked->folder;
    auto listed = co_await effect(files::list_effect, below);
    if (!listed) {
        message.reply_error(std::move(listed.error()));
        co_return;
    }
    files::tidied told;
    for (const files::item& each : listed->items) {
        if (each.is_folder || !is_left_behind(each.path, members()))
            continue;
        files::remove leftover;
        leftover.path = asked->folder + "/" + each.path;
        auto removed = co_await effect(files::remove_effect, leftover);
        told.removed += removed ? 1 : 0;
    }
    message.reply<files::tidy>(told);
}

} // namespace equus::services
