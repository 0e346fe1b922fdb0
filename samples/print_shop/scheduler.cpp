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

} // namespace

task<> scheduler::start() {
    const std::string folder = parameters_.documents.text;
    auto listed = co_await files.invoke<files::list>(folder, true);
    if (!listed) {
        co_await reports.send<found>(0u, folder, listed.error().describe());
        co_return;
    }
    for (const files::item& each : listed->items)
        if (!each.is_folder && is_document(each.path))
            state_.documents.push_back({folder + "/" + each.path, each.path});
    const auto count = static_cast<std::uint32_t>(state_.documents.size());
    co_await reports.send<found>(count, folder, std::string{});
}

task_slip scheduler::on(next_task) {
    if (state_.next == state_.documents.size())
        return {};
    const std::uint32_t id = state_.next++;
    return {true, id, state_.documents[id].path, state_.documents[id].name};
}

void scheduler::on(submit more) {
    state_.documents.push_back({std::move(more.path), std::move(more.name)});
}

} // namespace doc
