// The launch and stream space: it makes the one that leads at its own node, a standby at another as
// soon as there is one, and decides who leads when one of them has ended. Requests go to a channel
// of the launch, whose one port is that of who leads; so nobody who asks has to be told.
#include "services/launch.hpp"

#include <equus/kernel/mutants.hpp>
#include <equus/rights.hpp>

#include <utility>

namespace equus::services {

using launching::ending;

namespace {
constexpr duration space_within = std::chrono::seconds{20};
} // namespace

task<> launch_service::make_space() {
    space_channel_ = make_channel(space::spacing::name, channel_kind::anycast);
    if (auto right = detail::check_protocol(space_channel_, space::spacing::type()); !right)
        co_await ok(fail(std::move(right.error())));
    co_await make_space_at(where(), &leader_);
    auto leads = co_await leader_.orders.invoke<space::lead>(true);
    if (!leads)
        co_await ok(fail(std::move(leads.error())));
    space_ = stream<space::spacing>{space_channel_};
    gets_ = co_await ok(narrowed(space_, right::send | right::invoke));
    changed_.notify();
}

task<> launch_service::make_space_at(node_boot at, space_instance* into) {
    creation what;
    what.module = "equus.space";
    what.name = service_ids_.empty() ? "system.space" : "system.space.standby";
    const any_reference announce{announced.open_stream()};
    what.given["announce"] = announce;
    what.given["channel"] = space_channel_;
    what.watched = true;
    auto made = co_await create(what, at.node);
    detail::close(announce);
    if (!made)
        co_await ok(fail(std::move(made.error())));
    service_ids_[made->id()] = {"space", at};
    auto got = co_await announced.receive().within(space_within);
    if (!got)
        co_await ok(fail(std::move(got.error())));
    auto told = got->take<space::announced>();
    if (!told)
        co_await ok(fail(std::move(told.error())));
    detail::close(told->requests); // it is asked by the channel
    into->orders = stream<space::keeping>{told->orders};
    into->at = at;
    into->handle = *made;
}

bool launch_service::is_space(incarnation_id which) const noexcept {
    return which == leader_.handle.id() || which == standby_.handle.id();
}

void launch_service::space_has_ended(incarnation_id which, const std::string& why) {
    if (outcome_)
        return;
    if (which == standby_.handle.id()) {
        detail::close(standby_.orders);
        detail::close(standby_.handle);
        standby_ = {};
        tasks_.start(keep_space());
        return;
    }
    detail::close(leader_.orders);
    detail::close(leader_.handle);
    leader_ = std::exchange(standby_, {});
    if (EQUUS_MUTANT(nobody_takes_the_lead))
        return;
    if (leader_.handle)
        tasks_.start(hand_over(why));
    else
        finish(ending::cut_off, errc::broken, 1, "stream space has ended: " + why);
}

task<> launch_service::hand_over(std::string why) {
    auto leads = co_await leader_.orders.invoke<space::lead>(false).within(space_within);
    if (leads)
        co_await keep_space();
    else
        finish(ending::cut_off, errc::broken, 1,
               "stream space has ended: " + why + "; its standby: " + leads.error().describe());
}

task<> launch_service::keep_space() {
    if (keeping_space_)
        co_return;
    keeping_space_ = true;
    while (!outcome_ && !standby_.handle && leader_.handle) {
        node_boot at;
        for (const auto& [node, entry] : nodes_)
            if (entry.ready && entry.member.at != leader_.at &&
                has_module(entry.member, "equus.space"))
                at = entry.member.at;
        if (!at.node)
            break; // until another one is there
        const incarnation_id leader = leader_.handle.id();
        space_instance next;
        auto made = co_await as_result(make_space_at(at, &next));
        if (!made) {
            const bool again = co_await changed_.wait().within(std::chrono::seconds{1});
            static_cast<void>(again);
            continue;
        }
        if (leader != leader_.handle.id())
            continue;
        standby_ = next;
        const any_reference to{next.orders};
        auto copied = co_await leader_.orders.invoke<space::copy_to>(to).within(for_ever);
        // When that failed one of the two has ended, and what follows from that is on its way.
        if (copied && order_.space_apart && leader_.at == where() && standby_.handle)
            co_await destroy(leader_.handle); // its end is heard of, and the standby leads
    }
    keeping_space_ = false;
}

} // namespace equus::services
