#include "shop.hpp"

namespace doc {

using namespace equus;

namespace {

bool is_document(const std::string& path) {
    for (const char* extension : {".md", ".markdown", ".txt"})
        if (path.size() > std::char_traits<char>::length(extension) && path.ends_with(extension))
            return true;
    return false;
}

/// A document that takes so many workers with it is not handed out again.
constexpr std::uint32_t times_max = 8;

} // namespace

task<> scheduler::start() {
    const std::string folder = parameters_.documents.text;
    auto listed = co_await files.invoke<files::list>(folder, true);
    if (!listed) {
        co_await reports.send<found>(0u, folder, std::string{listed.error().text()});
        co_return;
    }
    for (files::item& each : listed->items)
        if (!each.is_folder && is_document(each.path))
            on(submit{folder + "/" + each.path, each.path});
    const auto count = static_cast<std::uint32_t>(state_.documents.size());
    std::string trouble;
    if (count == 0)
        trouble = "no .md, .markdown or .txt file in folder '" + folder + "'";
    co_await reports.send<found>(count, folder, std::move(trouble));
}

task_slip scheduler::on(next_task asked) {
    if (state_.waiting.empty())
        return {};
    const std::uint32_t id = state_.waiting.front();
    state_.waiting.pop_front();
    entry& given = state_.documents[id];
    given.worker = std::move(asked.worker);
    ++given.times;
    return {true, id, given.path, given.name};
}

void scheduler::on(submit more) {
    state_.waiting.push_back(static_cast<std::uint32_t>(state_.documents.size()));
    state_.documents.push_back({std::move(more.path), std::move(more.name), {}, 0});
}

task<remaining> scheduler::on(ended who) {
    remaining left;
    std::erase_if(state_.waiting, [&](std::uint32_t id) { return who.printed.count(id) != 0; });
    for (std::uint32_t id = 0; id < state_.documents.size() && !who.well; ++id) {
        entry& each = state_.documents[id];
        if (each.worker.empty() || (!who.worker.empty() && each.worker != who.worker) ||
            who.printed.count(id) != 0)
            continue;
        each.worker.clear();
        each.times -= who.blameless ? 1 : 0;
        if (each.times < times_max) {
            state_.waiting.push_back(id);
            ++left.again;
        } else {
            co_await reports.send<spoiled>(id, each.name,
                                           std::string{"every worker was lost with it"});
        }
    }
    left.waiting = static_cast<std::uint32_t>(state_.waiting.size());
    co_return left;
}

} // namespace doc
