// Two kernels with something to do, on one link that a fuzzer may listen to, and links of its own
// to either. All time is the fuzzer's; after every step both kernels' invariants must hold.
#pragma once

#include "runtime/frames.hpp"
#include "runtime/packet.hpp"

#include <equus/base/assert.hpp>
#include <equus/equus.hpp>
#include <equus/kernel/kernel.hpp>
#include <equus/status.hpp>
#include <equus/wiring.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace equus::fuzz {

using namespace equus::literals;

struct told {
    std::string text;
    EQUUS_FIELDS(text)
};
struct ask {
    using reply = told;
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
struct say {
    std::vector<std::uint32_t> numbers;
    EQUUS_FIELDS(numbers)
};
struct given {
    any_reference what;
    EQUUS_FIELDS(what)
};
struct give {
    using reply = given;
    EQUUS_FIELDS()
};
using words = protocol<"fuzz.words", ask, say, give>;

/// Answers, and owns a multicast channel of which it is a member.
class hub : public incarnation<hub> {
public:
    port<words> in{*this, "in"};
    task<> start() {
        channel_ = make_channel("fuzz.words", channel_kind::multicast);
        auto joined = co_await join_channel(in, channel_);
        for (const std::uint32_t node : {1u, 2u}) {
            creation what;
            what.module = "caller";
            what.name = "caller";
            what.depends_on_launch = false;
            what.given["out"] = any_reference{in.open_stream()};
            auto made = co_await create(what, node_id{node});
            if (made)
                auto watched = co_await made->watch();
        }
    }
    told on(ask a) { return {std::to_string(a.number)}; }
    void on(say) {}
    given on(give) { return {channel_}; }

private:
    any_reference channel_;
};

/// Asks, says to one and to many, and waits for the outside, for ever.
class caller : public incarnation<caller> {
public:
    stream<words> out{*this, "out"};
    task<> main() {
        auto channel = co_await out.invoke<give>().within(1s);
        for (std::uint32_t i = 1;; ++i) {
            auto answer = co_await out.invoke<ask>(i).within(40ms);
            auto sent = co_await out.send<say>(std::vector<std::uint32_t>(i % 100)).within(40ms);
            if (channel)
                if (const auto many = channel->what.as_stream<words>())
                    auto heard =
                        co_await many->send<say>(std::vector<std::uint32_t>(i)).within(9ms);
            const ask outside{i};
            auto done = co_await effect("fuzz.effect", outside).within(60ms);
            co_await sleep(5ms);
        }
    }
};

/// What goes on between two honest nodes, in plain view of a third: a witness says numbers to a
/// notary at another node and asks it. No frame of the third makes it see anything else.
struct testimony {
    std::uint32_t heard = 0;
    bool disordered = false; ///< a number that is not the next one
    bool misled = false;     ///< an answer that the notary did not give
    bool cut_off = false;    ///< a call or stream that ended without one
};
inline testimony seen;

class notary : public incarnation<notary> {
public:
    port<words> in{*this, "in"};
    task<> start() {
        creation what;
        what.module = "witness";
        what.depends_on_launch = false;
        what.given["out"] = any_reference{in.open_stream()};
        auto made = co_await create(what, node_id{2});
    }
    // Others may speak at its port too, and say what they like: the witness says one number.
    told on(ask a) { return {std::to_string(a.number)}; }
    void on(say said) {
        if (said.numbers.size() != 3 || said.numbers[0] != key || said.numbers[1] != key)
            return;
        seen.disordered = seen.disordered || said.numbers[2] != ++seen.heard;
    }
    given on(give) { return {}; }
    static constexpr std::uint32_t key = 0x5eed'5eed;
};
class witness : public incarnation<witness> {
public:
    stream<words> out{*this, "out"};
    task<> main() {
        for (std::uint32_t i = 1;; ++i) {
            auto answer = co_await out.invoke<ask>(i).within(10h);
            if (answer)
                seen.misled = seen.misled || answer->text != std::to_string(i);
            else
                seen.cut_off = seen.cut_off || answer.error() == errc::broken ||
                               answer.error() == errc::maybe_delivered ||
                               answer.error() == errc::abandoned;
            std::vector<std::uint32_t> numbers(3, notary::key);
            numbers[2] = i;
            auto sent = co_await out.send<say>(std::move(numbers));
            seen.cut_off = seen.cut_off || (!sent && sent.error() == errc::broken);
            co_await sleep(3ms);
        }
    }
};

/// Says a word to who has made it.
class greeter : public incarnation<greeter> {
public:
    stream<words> out{*this, "out"};
    task<> main() { auto sent = co_await out.send<say>(); }
};
/// Shows that a kernel still does what it is for.
class probe : public incarnation<probe> {
public:
    static inline unsigned heard = 0;
    port<words> in{*this, "in"};
    task<> start() {
        creation what;
        what.module = "greeter";
        what.depends_on_launch = false;
        what.given["out"] = any_reference{in.open_stream()};
        auto made = co_await create(what);
        if (!made)
            ++heard; // no room is an answer too
    }
    told on(ask) { return {}; }
    void on(say) { ++heard; }
    given on(give) { return {}; }
};

inline const module_table& modules() {
    static const module_table table = [] {
        module_table made;
        made.add<hub>("hub");
        made.add<caller>("caller", {"fuzz.effect"});
        made.add<greeter>("greeter");
        made.add<notary>("notary");
        made.add<witness>("witness");
        made.add<probe>("probe");
        return made;
    }();
    return table;
}

inline kernel_limits small_limits() {
    kernel_limits limits;
    limits.incarnations_max = 24;
    limits.references_max = 64;
    limits.calls_max = 64;
    limits.nodes_max = 8;
    limits.effects_max = 32;
    limits.message_bytes_max = 1u << 14;
    limits.packet_bytes_max = 2'048;
    limits.capabilities_max = 8;
    limits.forwards_max = 4;
    limits.credit_initial = 4;
    limits.credit_messages = 16;
    limits.credit_bytes = 1u << 14;
    limits.session_packets_max = 32;
    limits.session_reorder_max = 8;
    limits.incarnation_bytes_max = 1u << 18;
    return limits;
}

class world {
public:
    static constexpr std::size_t count = 2;

    struct packet_on_link {
        std::size_t to = 0;
        link_id link;
        bytes data;
    };

    /// `heard`: what comes out on links of the fuzzer.
    explicit world(std::function<void(link_id, std::span<const std::byte>)> heard)
        : heard_{std::move(heard)} {
        for (std::size_t i = 0; i < count; ++i) {
            kernel_options options;
            options.name = i == 0 ? "a" : "b";
            options.root = i == 0;
            options.root_address = "a";
            options.address = options.name;
            options.instance = i + 1;
            options.limits = small_limits();
            all_[i].driven = std::make_unique<kernel>(options, modules());
        }
        settle();
        EQUUS_ASSERT(all_[1].driven->joined());
        seen = {};
        boot("notary");
        boot("hub");
        advance(20ms);
        // Both callers are there, and their words travel.
        EQUUS_ASSERT(all_[0].driven->counters().messages_sent > 0);
        EQUUS_ASSERT(all_[1].driven->counters().messages_sent > 0);
    }

    kernel& operator[](std::size_t which) { return *all_[which % count].driven; }
    bool stopped(std::size_t which) const { return all_[which % count].stopped; }
    time_point now() const { return now_; }
    /// What went between the two, youngest last.
    const std::deque<packet_on_link>& tap() const { return tap_; }

    void boot(const char* module) {
        creation what;
        what.module = module;
        what.depends_on_launch = false;
        bytes encoded(wire::size_bytes(what));
        wire::encode(what, encoded.span());
        static_cast<void>(all_[0].driven->boot(encoded));
    }
    link_id connect(std::size_t to, bool ordered) {
        const link_id made{++last_link_};
        all_[to].driven->link_up(made, {{}, ordered});
        return made;
    }
    void input(std::size_t to, link_id link, std::span<const std::byte> packet) {
        if (stopped(to))
            return;
        // Of exactly the size, so that a look beyond is seen.
        const bytes exact{packet};
        all_[to].driven->input(link, exact.span());
        check();
    }
    void cut() {
        for (std::size_t i = 0; i < count; ++i)
            if (ends_[i])
                all_[i].driven->link_down(std::exchange(ends_[i], {}));
    }
    void effect(std::size_t at, std::size_t which, result<bytes> outcome) {
        auto& open = all_[at].effects;
        if (open.empty())
            return;
        const effect_id id = open[which % open.size()];
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(which % open.size()));
        all_[at].driven->effect_done(id, std::move(outcome));
    }
    /// Bounded: kernels that never come to rest are not waited for.
    void settle() {
        for (int round = 0; round < 20; ++round) {
            bool busy = false;
            for (std::size_t i = 0; i < count; ++i)
                busy = step(i) || busy;
            if (!busy)
                return;
        }
    }
    void advance(duration by) {
        now_ = now_ + by;
        settle();
    }

private:
    struct node {
        std::unique_ptr<kernel> driven;
        bool stopped = false;
        std::vector<effect_id> effects;
        std::deque<std::pair<link_id, bytes>> inbox;
    };

    bool step(std::size_t i) {
        node& at = all_[i];
        if (at.stopped)
            return false;
        bool busy = false;
        at.driven->tick(now_);
        while (!at.inbox.empty()) {
            const auto [link, data] = std::move(at.inbox.front());
            at.inbox.pop_front();
            if (link == ends_[i])
                at.driven->input(link, data.span());
            busy = true;
        }
        busy = at.driven->run(200) || busy;
        output out;
        for (int outputs = 0; outputs < 500 && !at.stopped && at.driven->next_output(out);
             ++outputs) {
            busy = true;
            carry_out(i, out);
        }
        check();
        return busy;
    }
    void carry_out(std::size_t i, output& out) {
        node& at = all_[i];
        switch (out.what) {
        case output::kind::packet:
            if (out.link != ends_[i]) {
                heard_(out.link, out.data);
                break;
            }
            tap_.push_back({1 - i, ends_[1 - i], bytes{out.data}});
            if (tap_.size() > 32)
                tap_.pop_front();
            if (all_[1 - i].inbox.size() < 500)
                all_[1 - i].inbox.emplace_back(ends_[1 - i], bytes{out.data});
            break;
        case output::kind::dial: {
            const std::size_t peer = out.text == "a" ? 0 : 1;
            if (peer == i || all_[peer].stopped || ends_[i] ||
                (out.text != "a" && out.text != "b")) {
                at.driven->dial_failed(out.dial);
                break;
            }
            const dial_id dial = out.dial;
            ends_[i] = link_id{++last_link_};
            ends_[peer] = link_id{++last_link_};
            at.driven->link_up(ends_[i], {dial, true});
            all_[peer].driven->link_up(ends_[peer], {{}, true});
            break;
        }
        case output::kind::hang_up:
            if (out.link == ends_[i]) {
                ends_[i] = {};
                if (ends_[1 - i])
                    all_[1 - i].driven->link_down(std::exchange(ends_[1 - i], {}));
            }
            break;
        case output::kind::effect:
            at.effects.push_back(out.effect);
            break;
        case output::kind::stopped:
            at.stopped = true;
            break;
        }
    }
    void check() const {
        for (const node& each : all_) {
            const std::string broken = each.driven->check_invariants();
            if (!broken.empty())
                assertion_failed(__FILE__, __LINE__, broken.c_str());
        }
    }

    std::function<void(link_id, std::span<const std::byte>)> heard_;
    time_point now_{1'000'000'000};
    std::uint64_t last_link_ = 0;
    node all_[count];
    link_id ends_[count];
    std::deque<packet_on_link> tap_;
};

} // namespace equus::fuzz
