// The primary stream space of a computation, its standby, and the cache that stands for them on
// each node (equus/services/space.hpp says what they do).
#pragma once

#include "services/space_client.hpp"
#include "services/space_keeping.hpp"

#include <equus/incarnation.hpp>
#include <equus/task_group.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace equus::services {

/// A get that cannot be answered yet, as it came.
struct waiting_request {
    space::get asked;
    delivery<space::spacing> message;
};

/// Requests are answered when their label is there; until then they are kept as they came.
class space_service : public incarnation<space_service> {
public:
    struct state {
        std::map<std::string, space::item, std::less<>> items;
        /// What marked requests were answered with, until their asker has heard it.
        std::map<incarnation_id, std::map<std::uint64_t, std::uint32_t>> answered;
        EQUUS_FIELDS(items, answered)
    };
    state state_;
    port<space::spacing> requests{*this, "requests"};
    port<space::keeping> orders{*this, "orders"};
    stream<space::announcing> announce{*this, "announce"};

    task<> start();
    task<> main();

private:
    using request = delivery<space::spacing>;
    using order = delivery<space::keeping>;

    /// What may happen only when the standby has all that was changed before.
    struct held_action {
        virtual ~held_action() = default;
        virtual void go() = 0;
    };
    template <class P, class M>
    struct held_answer;
    struct held_close;
    struct held {
        std::uint64_t after = 0;
        std::unique_ptr<held_action> what;
    };

    // ---- space.cpp
    void put(request message);
    void get(request message);
    void describe(request message);
    void give_back(request message);
    void remove(request message);
    void print(request message);
    void also_waits(request message);
    bool may_leave(const space::item& from) const noexcept;
    void hand_out(const std::string& label, space::item& from, waiting_request& to);
    /// Answers who waits for the label while copies last; how many that were.
    std::uint32_t answer_waiting(const std::string& label, space::item& from);
    /// Copies of limited items whose holder is such a one come back.
    template <class Holder>
    void reclaim(Holder is_such);
    task<> hear_ends();

    // ---- space_standby.cpp
    task<> hear_orders();
    task<> take_the_lead(order message);
    void copy_to(order message);
    void keep(order message);
    void apply(space::change made);
    void note(space::change made);
    /// The answer that a repeated request has had, or null.
    const std::uint32_t* answer_before(const space::request_mark& mark) const;
    void remember(const space::request_mark& mark, std::uint32_t answer);
    template <class M, class P>
    void answer(delivery<P> message, typename M::reply value);
    void close_later(any_reference what);
    void release();
    task<> send_changes();

    std::map<std::string, std::deque<waiting_request>, std::less<>> waiting_;
    /// Those of whom a cache says that they wait too, by label and cache.
    std::map<std::string, std::map<incarnation_id, std::vector<space::waiter>>, std::less<>> more_;
    any_reference channel_; ///< where who leads is found
    bool complete_ = false; ///< a standby that knows all
    stream<space::keeping> standby_;
    std::deque<space::change> journal_;
    std::deque<held> held_;
    std::uint64_t changes_ = 0; ///< noted
    std::uint64_t safe_ = 0;    ///< of them the standby has
    bool sending_ = false;
    task_group tasks_; ///< last: its tasks use all of the above
};

/// Answers from its own memory what the primary has declared cacheable; passes everything else on,
/// again when the primary was lost, and returns the copies of those who end.
class space_cache : public incarnation<space_cache> {
public:
    struct state {
        std::map<std::string, space::entry, std::less<>> known;
        EQUUS_FIELDS(known)
    };
    state state_;
    port<space::spacing> requests{*this, "requests"};
    /// Both lead to who leads. A get may be under way for long and would hold up the puts that
    /// end it.
    stream<space::spacing> gets{*this, "gets"};
    stream<space::spacing> others{*this, "others"};

    task<> main();

private:
    using request = delivery<space::spacing>;
    /// A copy of a limited item that somebody of this node has.
    struct copy_here {
        std::string label;
        any_reference what;
    };

    void get(request message);
    task<> tell(space::also_waits what);
    task<> fetch(space::get asked);
    task<> fetch_one(waiting_request asked);
    template <class M>
    task<> pass_on(request message);
    task<> give_back(request message);
    task<result<space::returned>> give_back_of(incarnation_id holder, copy_here copy);
    task<> give_back_in_silence(incarnation_id holder, copy_here copy);
    task<> hear_ends();
    bool answer_from_memory(const std::string& label, request& message);

    /// For a fetch under way.
    std::map<std::string, std::deque<waiting_request>, std::less<>> waiting_;
    std::set<std::string, std::less<>> uncacheable_;
    std::multimap<incarnation_id, copy_here> copies_; ///< by holder
    space_client primary_{std::uint64_t{1} << 32};    ///< its wiring has had another one
    task_group tasks_;                                ///< last: its tasks use all of the above
};

template <class P, class M>
struct space_service::held_answer final : held_action {
    held_answer(delivery<P> to, typename M::reply with)
        : message{std::move(to)}, value{std::move(with)} {}
    void go() override { message.template reply<M>(std::move(value)); }
    delivery<P> message;
    typename M::reply value;
};

template <class M, class P>
void space_service::answer(delivery<P> message, typename M::reply value) {
    if (safe_ == changes_)
        message.template reply<M>(std::move(value));
    else
        held_.push_back(
            {changes_, std::make_unique<held_answer<P, M>>(std::move(message), std::move(value))});
}

template <class Holder>
void space_service::reclaim(Holder is_such) {
    for (auto& [label, from] : state_.items) {
        const auto back = std::erase_if(
            from.holders, [&](const space::copy_out& each) { return is_such(each.holder); });
        if (back == 0)
            continue;
        from.out = static_cast<std::uint32_t>(from.holders.size());
        space::change made;
        made.kind = space::change_kind::counted;
        made.label = label;
        made.what.out = from.out;
        made.what.holders = from.holders;
        note(std::move(made));
        answer_waiting(label, from);
    }
}

} // namespace equus::services
