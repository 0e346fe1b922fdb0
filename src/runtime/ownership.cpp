// The register of ownership, at the root: which life of a node has an incarnation that has ever
// moved. One write decides every migration, and every write is a compare-and-set; who is not listed
// is where it was born, in its first epoch (rule 15). It answers from memory (rule 16), and its
// run ends with it.
#include "runtime/answers.hpp"
#include "runtime/kernel_impl.hpp"
#include "runtime/moving.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

answer_frame kernel_impl::register_request(node_boot from, const request_frame& frame) {
    if (!options.root)
        return refuse(errc::refused, "the register is at the root");
    const incarnation_id who = frame.subject;
    const auto entry = ownership.find(who);
    owner_record owner;
    if (entry != ownership.end())
        owner = entry->second;
    else
        owner.at = {who.node, who.boot};
    if (!is_member(owner.at))
        owner.dead = true;
    if (frame.kind == detail::request_kind::locate) {
        if (owner.dead)
            return refuse(errc::not_found, "its node has been written off");
        answer_frame out;
        out.body = encode_frame(whereabouts_body{owner.at, owner.age});
        return out;
    }
    const auto body = wire::decode<claim_body>(frame.body.span());
    if (!body)
        return refuse(errc::malformed, "the request's body");
    const bool its_own =
        frame.kind == detail::request_kind::reclaim ? body->from == from : body->to == from;
    if (!its_own || !is_member(from)) {
        ++counters.frames_refused;
        return refuse(errc::access_denied, "it speaks of another node");
    }
    const bool is_owner = owner.at == body->from && owner.age == body->age &&
                          (!owner.dead || EQUUS_MUTANT(the_dead_are_moved));
    if (!is_owner &&
        !(EQUUS_MUTANT(register_compares_nothing) && frame.kind == detail::request_kind::claim))
        return refuse(owner.at == body->from ? errc::not_found : errc::already_exists,
                      "the register has it elsewhere");
    owner.age = epoch{owner.age.value + 1};
    if (frame.kind == detail::request_kind::claim) {
        owner.past.push_back(owner.at);
        owner.at = body->to;
    }
    trace(trace_kind::migration, who, 6, owner.at.node.value, owner.age.value);
    ownership[who] = owner;
    answer_frame out;
    out.body = encode_frame(whereabouts_body{owner.at, owner.age});
    return out;
}

/// Those that had been on a node that is written off, and have moved on: who still looks for them
/// there is told where they are.
std::vector<relocated> kernel_impl::moved_away_from(node_boot gone) const {
    std::vector<relocated> out;
    for (const auto& [who, owner] : ownership) {
        const bool was_there =
            (who.node == gone.node && who.boot == gone.boot) ||
            std::find(owner.past.begin(), owner.past.end(), gone) != owner.past.end();
        if (was_there && owner.at != gone && is_member(owner.at))
            out.push_back({who, owner.at, owner.age});
    }
    return out;
}

/// Nobody can come to have what nobody alive has had.
void kernel_impl::forget_owners() {
    std::erase_if(ownership, [&](const auto& each) {
        const owner_record& owner = each.second;
        return !is_member(owner.at) &&
               std::none_of(owner.past.begin(), owner.past.end(),
                            [&](node_boot past) { return is_member(past); });
    });
}

} // namespace equus
