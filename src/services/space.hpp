// The primary stream space of a computation, and the cache that stands for it on each node
// (equus/services/space.hpp says what they do).
#pragma once

#include <equus/incarnation.hpp>
#include <equus/services/space.hpp>
#include <equus/task_group.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>

namespace equus::services {

/// A get that cannot be answered yet, as it came.
struct waiting_request {
    std::string who;
    delivery<space::spacing> message;
};

/// Requests are answered when their label is there; until then they are kept as they came.
class space_service : public incarnation<space_service> {
public:
    struct item {
        any_reference what;
        std::string protocol;
        channel_kind routing = channel_kind::unicast;
        space::referent kind = space::referent::stream;
        std::uint32_t copies = 0; ///< out at a time; 0: no limit
        std::uint32_t out = 0;
        bool cached = true;
        EQUUS_FIELDS(what, protocol, routing, kind, copies, out, cached)
    };
    struct state {
        std::map<std::string, item, std::less<>> items;
        EQUUS_FIELDS(items)
    };
    state state_;
    port<space::spacing> requests{*this, "requests"};
    stream<space::announcing> announce{*this, "announce"};

    task<> start();
    task<> main();

private:
    using request = delivery<space::spacing>;

    void put(request message);
    void get(request message);
    void describe(request message);
    void give_back(request message);
    void remove(request message);
    void print(request message);

    bool may_leave(const item& from) const noexcept;
    void hand_out(item& from, request& to);
    /// Answers who waits for the label while copies last; how many that were.
    std::uint32_t answer_waiting(const std::string& label, item& from);

    std::map<std::string, std::deque<waiting_request>, std::less<>> waiting_;
};

/// Answers from its own memory what the primary has declared cacheable; passes everything else on.
class space_cache : public incarnation<space_cache> {
public:
    struct state {
        std::map<std::string, space::entry, std::less<>> known;
        EQUUS_FIELDS(known)
    };
    state state_;
    port<space::spacing> requests{*this, "requests"};
    /// Both lead to the primary. A get may be under way for long and would hold up the puts that
    /// end it.
    stream<space::spacing> gets{*this, "gets"};
    stream<space::spacing> others{*this, "others"};

    task<> main();

private:
    using request = delivery<space::spacing>;

    void get(request message);
    task<> fetch(std::string label, std::string who);
    task<> fetch_one(space::get asked, request message);
    bool answer_from_memory(const std::string& label, request& message);

    /// For a fetch under way.
    std::map<std::string, std::deque<waiting_request>, std::less<>> waiting_;
    std::set<std::string, std::less<>> uncacheable_;
    task_group fetches_;
};

} // namespace equus::services
