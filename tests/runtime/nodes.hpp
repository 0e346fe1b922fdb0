// A few kernels in memory, joined by links that keep order until they are cut, on a clock that the
// test moves. For the kernel's own tests; whole clusters with faults are the simulator's
// (tests/sim).
#pragma once

#include <equus/equus.hpp>
#include <equus/kernel/kernel.hpp>
#include <equus/status.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace equus::test {

using namespace equus::literals;

class nodes {
public:
    explicit nodes(const module_table& modules, bool copy_local = false)
        : modules_{modules}, copy_local_{copy_local} {}

    /// The first is the root; the others join it.
    kernel& add(kernel_limits limits = {}) {
        kernel_options options;
        options.name = "n" + std::to_string(all_.size() + 1);
        options.root = all_.empty();
        options.root_address = "n1";
        options.address = options.name;
        options.instance = all_.size() + 1;
        options.copy_local_messages = copy_local_;
        options.trace_hash = true;
        options.limits = limits;
        options.gathers = gathers;
        auto& made = all_.emplace_back(std::make_unique<node>());
        made->name = options.name;
        made->driven = std::make_unique<kernel>(options, modules_);
        settle();
        return *made->driven;
    }
    kernel& operator[](std::size_t index) { return *all_[index]->driven; }

    /// Runs everything until nobody has anything to do at the present instant.
    void settle() {
        for (int round = 0; round < 10'000; ++round)
            if (!step())
                return;
        FAIL("the nodes do not come to rest");
    }
    /// Moves the clock on, deadline by deadline.
    void advance(duration by) {
        const time_point until = now_ + by;
        for (int round = 0; round < 100'000; ++round) {
            settle();
            time_point next = until;
            for (const auto& each : all_)
                if (!each->stopped)
                    next = std::min(next, std::max(each->driven->next_deadline(), now_ + 1us));
            if (next >= until)
                break;
            now_ = next;
        }
        now_ = until;
        settle();
    }
    /// Cuts every link between the two; they may dial again.
    void cut(kernel& a, kernel& b) {
        for (auto link = links_.begin(); link != links_.end();) {
            if (!joins(*link, a, b)) {
                ++link;
                continue;
            }
            const wire_link cut_link = *link;
            link = links_.erase(link);
            cut_link.ends[0].who->driven->link_down(cut_link.ends[0].id);
            cut_link.ends[1].who->driven->link_down(cut_link.ends[1].id);
        }
    }
    /// The links of that node can take no more just now, or again.
    void set_full(kernel& which, bool full) {
        for (const wire_link& link : links_)
            for (const end& each : link.ends)
                if (each.who->driven.get() == &which)
                    which.link_full(each.id, full);
    }
    /// Nobody reaches the node any more, nor it anybody; its own side is told nothing.
    void isolate(kernel& which) {
        for (const auto& each : all_)
            if (each->driven.get() == &which)
                each->isolated = true;
    }
    void reconnect(kernel& which) {
        for (const auto& each : all_)
            if (each->driven.get() == &which)
                each->isolated = false;
    }

    result<incarnation_id> boot(kernel& on, const creation& what) {
        bytes encoded(wire::size_bytes(what));
        wire::encode(what, encoded.span());
        return on.boot(encoded);
    }
    std::string stop_reason(kernel& which) const {
        for (const auto& each : all_)
            if (each->driven.get() == &which)
                return each->stopped ? each->reason : "running";
        return "unknown";
    }
    /// Asked first: an effect that it takes stays open for the test to answer with effect_done.
    std::function<bool(kernel& on, effect_id which, std::string_view name)> take_effect;
    /// Answers effects; without it they stay open.
    std::function<result<bytes>(std::string_view name, bytes request)> effects;
    /// Links made from now on lose packets: those for which it says so.
    std::function<bool(const kernel& from, const kernel& to)> loses;
    /// Of nodes added from now on: packets in two pieces.
    bool gathers = true;
    /// Bulk is read to where it belongs.
    bool places = true;
    std::size_t placed_packets = 0;
    std::size_t link_count() const { return links_.size(); }
    time_point now() const { return now_; }

private:
    struct node {
        std::string name;
        std::unique_ptr<kernel> driven;
        bool isolated = false;
        bool stopped = false;
        std::string reason;
        std::deque<std::pair<link_id, bytes>> inbox;
    };
    struct end {
        node* who;
        link_id id;
    };
    struct wire_link {
        end ends[2];
    };
    static bool joins(const wire_link& link, const kernel& a, const kernel& b) {
        const kernel* x = link.ends[0].who->driven.get();
        const kernel* y = link.ends[1].who->driven.get();
        return (x == &a && y == &b) || (x == &b && y == &a);
    }

    bool step() {
        bool busy = false;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            node& at = *all_[i];
            if (at.stopped)
                continue;
            at.driven->tick(now_);
            while (!at.inbox.empty()) {
                auto [link, packet] = std::move(at.inbox.front());
                at.inbox.pop_front();
                hear(at, link, packet.span());
                check(at);
                busy = true;
            }
            while (at.driven->run(1)) {
                check(at);
                busy = true;
            }
            check(at);
            if (at.driven->next_deadline() <= now_)
                busy = true; // a sleep of no length
            output out;
            while (!at.stopped && at.driven->next_output(out)) {
                busy = true;
                carry_out(at, out);
            }
        }
        return busy;
    }
    /// A packet as a driver gets it that reads bulk to where it belongs, in two steps.
    void hear(node& at, link_id link, std::span<const std::byte> packet) {
        constexpr std::size_t head_bytes = 120;
        if (!places || packet.size() <= head_bytes) {
            at.driven->input(link, packet);
            return;
        }
        const auto head = packet.first(head_bytes);
        std::size_t read = 0;
        for (std::size_t step = (packet.size() - head_bytes) / 2;; step = packet.size()) {
            const auto to = at.driven->place(link, head, read, packet.size());
            if (to.empty())
                break;
            const std::size_t count = std::min(step, to.size());
            std::copy_n(packet.data() + head_bytes + read, count, to.data());
            read += count;
            if (read == packet.size() - head_bytes) {
                at.driven->placed(link, head, packet.size());
                ++placed_packets;
                return;
            }
        }
        at.driven->input(link, packet);
    }
    void check(const node& at) const {
        const std::string broken = at.driven->check_invariants();
        if (!broken.empty())
            FAIL(at.name << ": " << broken);
    }
    void carry_out(node& at, output& out) {
        switch (out.what) {
        case output::kind::packet:
            for (const wire_link& link : links_)
                for (int side = 0; side < 2; ++side)
                    if (link.ends[side].who == &at && link.ends[side].id == out.link &&
                        !at.isolated && !link.ends[1 - side].who->isolated &&
                        !(loses && loses(*at.driven, *link.ends[1 - side].who->driven))) {
                        bytes whole{out.data};
                        whole.append(out.tail);
                        link.ends[1 - side].who->inbox.emplace_back(link.ends[1 - side].id,
                                                                    std::move(whole));
                    }
            break;
        case output::kind::dial: {
            node* peer = nullptr;
            for (const auto& each : all_)
                if (each->name == out.text && !each->stopped)
                    peer = each.get();
            if (!peer || peer->isolated || at.isolated) {
                at.driven->dial_failed(out.dial);
                break;
            }
            wire_link made{{{&at, link_id{++last_link_}}, {peer, link_id{++last_link_}}}};
            links_.push_back(made);
            at.driven->link_up(made.ends[0].id, {out.dial, !loses});
            peer->driven->link_up(made.ends[1].id, {{}, !loses});
            break;
        }
        case output::kind::hang_up:
            for (auto link = links_.begin(); link != links_.end(); ++link)
                for (int side = 0; side < 2; ++side)
                    if (link->ends[side].who == &at && link->ends[side].id == out.link) {
                        const end other = link->ends[1 - side];
                        links_.erase(link);
                        other.who->driven->link_down(other.id);
                        return;
                    }
            break;
        case output::kind::effect:
            if (take_effect && take_effect(*at.driven, out.effect, out.text))
                break;
            if (effects) {
                const effect_id id = out.effect;
                auto outcome = effects(out.text, std::move(out.body));
                at.driven->effect_done(id, std::move(outcome));
            }
            break;
        case output::kind::stopped:
            at.stopped = true;
            at.reason = out.reason.describe();
            break;
        }
    }

    const module_table& modules_;
    bool copy_local_;
    time_point now_{1'000'000'000};
    std::uint64_t last_link_ = 0;
    std::vector<std::unique_ptr<node>> all_;
    std::vector<wire_link> links_;
};

} // namespace equus::test
