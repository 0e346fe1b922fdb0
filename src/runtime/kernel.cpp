#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

namespace {

bool by_stream_id(const stream_record* a, const stream_record* b) {
    return a->id < b->id;
}

} // namespace

kernel_state::kernel_state(kernel_options given, const module_table& table)
    : options{std::move(given)}, tracing{options.trace_hash || options.trace}, modules{table},
      bulk_memory{options.memory, options.limits.bulk_bytes_max, options.limits.bulk_kept_max},
      lingering{&by_stream_id}, scheduled{options.limits.priority_patience} {}

kernel_impl::kernel_impl(kernel_options given, const module_table& table)
    : kernel_state{std::move(given), table} {
    start_membership();
}

kernel_impl::~kernel_impl() {
    ended = true; // nothing is sent any more
    incarnations.for_each([&](incarnation_record& inc) {
        inc.more().watchers.clear();
        end_incarnation(inc, error{errc::cancelled, "the node has ended"});
    });
    while (!lingering.empty())
        free_stream(**lingering.begin());
    settle_queued_calls(); // those whose streams had been closed
    bulk.inbounds.clear();
    bulk.outbounds.clear();
    bulk.calls.clear();
    bulk.replies.clear();
}

bool kernel_impl::next_output(output& out) {
    out = output{};
    if (!ended && !options.root && self.node && lease_until <= now &&
        !EQUUS_MUTANT(lease_is_ignored))
        stop(error{errc::evicted, "the lease has run out"});
    if (ended) {
        if (stop_told)
            return false;
        stop_told = true;
        out.what = output::kind::stopped;
        out.reason = stop_reason;
        return true;
    }
    if (credit_due_first)
        send_credits();
    if (!greetings.empty()) {
        out.what = output::kind::packet;
        out.link = greetings.front().first;
        output_packet = std::move(greetings.front().second);
        greetings.pop_front();
        out.data = output_packet.span();
        return true;
    }
    if (!pending_outputs.empty()) {
        out = std::move(pending_outputs.front().what);
        output_text = std::move(pending_outputs.front().text);
        pending_outputs.pop_front();
        out.text = output_text;
        return true;
    }
    // Sessions in turn, so that none waits for another's backlog.
    auto at = peers.upper_bound(output_peer);
    for (std::size_t asked = 0; asked < peers.size(); ++asked, ++at) {
        if (at == peers.end())
            at = peers.begin();
        session& with = *at->second.session;
        if (!bulk.turns.empty() && with.has_time_for_bulk())
            send_chunk(at->first, with);
        if (with.next_packet(now, out.link, out.data, out.tail)) {
            out.what = output::kind::packet;
            output_peer = at->first;
            return true;
        }
    }
    return false;
}

// ---------------------------------------------------------------------- the door

kernel::kernel(kernel_options options, const module_table& modules)
    : impl_{std::make_unique<kernel_impl>(std::move(options), modules)} {}
kernel::~kernel() = default;

void kernel::tick(time_point now) {
    kernel_impl& k = *impl_;
    if (now > k.now)
        k.now = now;
    while (operation* due = k.timers.take_due(k.now))
        k.time_out(*due);
    if (k.starved_until <= k.now)
        k.tell_starved();
    k.look_at_handlers();
    k.look_at_departures();
    k.membership_tick();
    if (k.is_deferred)
        k.settle_deferred();
    for (const node_boot gone : k.gone_peers)
        k.peers.erase(gone);
    k.gone_peers.clear();
}

void kernel::link_up(link_id link, const link_traits& traits) {
    impl_->link_is_up(link, traits);
}
void kernel::link_down(link_id link) {
    impl_->link_is_down(link);
}
void kernel::link_full(link_id link, bool full) {
    kernel_impl& k = *impl_;
    const auto found = k.links.find(link);
    if (found == k.links.end())
        return;
    if (const auto peer = k.peers.find(found->second.peer); peer != k.peers.end())
        peer->second.session->set_full(link, full);
}
void kernel::dial_failed(dial_id dial) {
    impl_->dial_has_failed(dial);
}
void kernel::input(link_id link, std::span<const std::byte> packet) {
    impl_->packet_came(link, packet);
    if (impl_->is_deferred)
        impl_->settle_deferred();
}

void kernel::effect_done(effect_id effect, result<bytes> outcome) {
    kernel_impl& k = *impl_;
    const auto found = k.effects.find(effect.value);
    if (found == k.effects.end() || k.ended)
        return;
    detail::effect_operation& op = *found->second;
    k.effects.erase(found);
    k.trace(trace_kind::effect, static_cast<incarnation_record*>(op.owner)->id, effect.value,
            static_cast<std::uint64_t>(outcome ? errc::ok : outcome.error().code()));
    if (outcome) {
        op.answer = std::move(*outcome);
        k.end(op);
    } else {
        k.end(op, std::move(outcome.error()));
    }
}

void kernel::evict(node_boot dead) {
    impl_->evict(dead);
    if (impl_->is_deferred)
        impl_->settle_deferred();
}

result<incarnation_id> kernel::boot(const bytes& what) {
    auto decoded = wire::decode<creation>(what.span());
    if (!decoded)
        return fail(std::move(decoded.error()));
    if (!joined())
        return fail(errc::refused, "the node has not joined yet");
    auto made = impl_->create(*decoded, {}, {}, {});
    if (!made)
        return fail(std::move(made.error()));
    return (*made)->id;
}

void kernel::leave(error reason) {
    impl_->leave(std::move(reason));
}

bool kernel::run(std::size_t steps) {
    kernel_impl& k = *impl_;
    while (steps > 0 && !k.ended) {
        incarnation_record* inc = k.scheduled.pop();
        if (!inc)
            break;
        inc->scheduled = false;
        k.run_turn(*inc, steps);
        if (k.is_deferred) [[unlikely]]
            k.settle_deferred();
        if (inc->heap && inc->heap->exceeded)
            k.check_heap(*inc);
        if (inc->ending) {
            error reason = std::move(inc->more().reason);
            k.end_incarnation(*inc, std::move(reason));
            if (steps > 0)
                --steps;
            continue;
        }
        const bool more = inc->held
                              ? k.held_has_work(*inc)
                              : !inc->begun || !inc->ready.empty() ||
                                    (!inc->in_hand && inc->serving && !inc->ready_ports.empty());
        if (more)
            k.schedule(*inc);
    }
    if (k.leaving && !k.ended && k.scheduled.empty())
        k.leave_when_flushed();
    return !k.ended && !k.scheduled.empty();
}

bool kernel::next_output(output& out) {
    return impl_->next_output(out);
}

time_point kernel::next_deadline() const noexcept {
    return std::min({impl_->timers.next(), impl_->membership_deadline(), impl_->starved_until,
                     impl_->departures_deadline()});
}

node_boot kernel::self() const noexcept {
    return impl_->self;
}
bool kernel::joined() const noexcept {
    return static_cast<bool>(impl_->self.node);
}
bool kernel::stopped() const noexcept {
    return impl_->ended;
}
view_version kernel::view() const noexcept {
    return impl_->view;
}
const kernel_counters& kernel::counters() const noexcept {
    return impl_->counters;
}
std::uint64_t kernel::trace_hash() const noexcept {
    return impl_->hash;
}
node_status kernel::status() const {
    return impl_->status();
}
std::string kernel::check_invariants() const {
    return impl_->check_invariants();
}

} // namespace equus
