#include "config/programs.hpp"

namespace equus::config {

namespace {

bool covers(std::string_view name_space, std::string_view qualified) {
    return qualified.substr(0, name_space.size()) == name_space &&
           (qualified.size() == name_space.size() || qualified[name_space.size()] == '.');
}

constexpr std::string_view own_namespace = "equus"; // of the services that every program may hold

} // namespace

const error* programs::require(const std::string& program) {
    if (!asked())
        return nullptr;
    auto found = manifests_.find(program);
    if (found == manifests_.end())
        found = manifests_.emplace(program, (*ask_)(program)).first;
    return found->second ? nullptr : &found->second.error();
}

std::string programs::namespace_of(std::string_view qualified) const {
    std::string best = covers(own_namespace, qualified) ? std::string{own_namespace} : "";
    for (const auto& [name_space, program] : uses_)
        if (covers(name_space, qualified) && name_space.size() > best.size())
            best = name_space;
    return best;
}

template <class Entry, class Lists>
programs::lookup<Entry> programs::search(std::string_view name, bool any_namespace,
                                         Lists lists) const {
    lookup<Entry> out;
    const std::string wanted = any_namespace ? std::string{} : namespace_of(name);
    bool all_known = asked();
    for (const auto& [name_space, program] : uses_) {
        if (!any_namespace && wanted != own_namespace && name_space != wanted)
            continue;
        const auto found = manifests_.find(program);
        if (found == manifests_.end() || !found->second) {
            all_known = false;
            continue;
        }
        for (const Entry& entry : lists(*found->second)) {
            if (entry.name == name)
                out.entry = &entry;
            out.others.push_back(entry.name);
        }
    }
    out.missing = out.entry == nullptr && all_known;
    return out;
}

programs::lookup<module_manifest> programs::module(std::string_view name) const {
    return search<module_manifest>(
        name, false, [](const manifest& m) -> const auto& { return m.modules; });
}
programs::lookup<protocol_manifest> programs::protocol(std::string_view name) const {
    return search<protocol_manifest>(
        name, false, [](const manifest& m) -> const auto& { return m.protocols; });
}
programs::lookup<service_manifest> programs::service(std::string_view name) const {
    return search<service_manifest>(
        name, true, [](const manifest& m) -> const auto& { return m.services; });
}

} // namespace equus::config
