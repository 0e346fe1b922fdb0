// Who ends with whom [K54]. The kernel where a child lives remembers its parents and watches those
// that are elsewhere, once for all their children.
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

namespace {

std::vector<control_record::bond>* bonds_of(incarnation_record& child) noexcept {
    return child.rest && child.rest->control ? &child.rest->control->bonds : nullptr;
}

/// Takes the bond away; what kind it was.
dependency take_bond(incarnation_record& child, incarnation_id parent) noexcept {
    auto* bonds = bonds_of(child);
    if (!bonds)
        return dependency::none;
    const auto found = std::find_if(bonds->begin(), bonds->end(),
                                    [&](const auto& each) { return each.parent == parent; });
    if (found == bonds->end())
        return dependency::none;
    const dependency kind = found->kind;
    bonds->erase(found);
    return kind;
}

bool has_group_parent(incarnation_record& child) noexcept {
    const auto* bonds = bonds_of(child);
    return bonds && std::any_of(bonds->begin(), bonds->end(),
                                [](const auto& each) { return each.kind == dependency::group; });
}

} // namespace

void kernel_impl::parent_ended(incarnation_id parent, const event& what) {
    const auto found = dependents_of.find(parent);
    if (found == dependents_of.end() || EQUUS_MUTANT(dependents_outlive_their_parent))
        return;
    const auto children = std::move(found->second.children);
    dependents_of.erase(found);
    const auto end_child = [&](incarnation_record& inc) {
        request_end(inc, error{errc::cancelled, "its parent has ended: " + what.text});
    };
    for (incarnation_id child : children) {
        incarnation_record* inc = find(child);
        if (!inc)
            continue;
        const dependency kind = take_bond(*inc, parent);
        const bool survives = kind == dependency::group &&
                              (has_group_parent(*inc) || EQUUS_MUTANT(group_never_ends)) &&
                              !EQUUS_MUTANT(one_of_a_group_is_enough);
        if (kind != dependency::none && !survives)
            end_child(*inc);
        else
            EQUUS_SOMETIMES(group_parent_lost);
    }
    incarnations.for_each([&](incarnation_record& inc) {
        if (inc.bound_to_launch && inc.launch->id == parent)
            end_child(inc);
    });
}

void kernel_impl::depend(incarnation_record& child, incarnation_id parent, node_boot parent_at,
                         dependency kind) {
    const auto [entry, first] = dependents_of.try_emplace(parent);
    auto& them = entry->second;
    them.parent_at = parent_at;
    if (parent == child.launch->id && kind == dependency::absolute) {
        child.bound_to_launch = true;
    } else {
        take_bond(child, parent); // the new kind instead of the old
        child.control().bonds.push_back({parent, kind});
        them.children.insert(child.id);
    }
    if (parent_at == self) {
        if (!find(parent))
            parent_ended(parent, event{event_kind::terminated, parent, self, errc::not_found, 0,
                                       "it had ended before"});
    } else if (!is_member(parent_at)) {
        parent_ended(parent, event{event_kind::terminated, parent, parent_at, errc::evicted, 0,
                                   "its node is gone"});
    } else if (first && !EQUUS_MUTANT(parents_elsewhere_are_not_watched)) {
        request_frame frame;
        frame.kind = detail::request_kind::watch;
        frame.subject = parent;
        frame.body = encode_frame(watch_body{true});
        send_frame(parent_at, kind::request, lane::data, frame);
    }
}

void kernel_impl::depend_no_more(incarnation_record& child, incarnation_id parent) {
    if (parent == child.launch->id)
        child.bound_to_launch = false;
    if (take_bond(child, parent) == dependency::none)
        return;
    if (const auto found = dependents_of.find(parent); found != dependents_of.end())
        found->second.children.erase(child.id);
}

} // namespace equus
