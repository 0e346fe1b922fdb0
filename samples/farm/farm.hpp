// A task farm that adapts to nodes that come and go. The manager divides the work into ranges,
// makes workers on every node that it is given, and hands out one range at a time; a worker gives
// its result with the request for the next range, so that a result and what follows from it are one
// message.
//
// What makes it adapt: a notice of a new node makes workers there; a notice that a node is to be
// withdrawn lets its workers finish what they have and sends them home, after which the node is
// free to leave, before its notice is over; the end of a worker that had a range returns the range.
// A range counts once, whatever happens to who counted it.
#pragma once

#include <equus/effect.hpp>
#include <equus/equus.hpp>
#include <equus/services/console.hpp>
#include <equus/services/launch.hpp>
#include <equus/task_group.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace farm {

// [messages]
/// The numbers from `from` up to, but not including, `below`.
struct range {
    bool any = false; ///< false: there is no more for this worker
    std::uint32_t id = 0;
    std::uint64_t from = 0;
    std::uint64_t below = 0;
    EQUUS_FIELDS(any, id, from, below)
};
struct next_range {
    using reply = range;
    equus::incarnation_id who; ///< the worker
    std::string name;
    equus::node_boot node;
    bool counted = false; ///< it has a result: of `id`
    std::uint32_t id = 0;
    std::uint64_t primes = 0;
    EQUUS_FIELDS(who, name, node, counted, id, primes)
};
using farming = equus::protocol<"farm.farming", next_range>;
// [/messages]

struct primes_found {
    std::uint64_t count = 0;
    EQUUS_FIELDS(count)
};
/// The effect: counting takes its time, and a node's own thread has other things to do.
struct count_primes {
    using reply = primes_found;
    std::uint64_t from = 0;
    std::uint64_t below = 0;
    EQUUS_FIELDS(from, below)
};
inline constexpr std::string_view count_effect = "farm.count_primes";
equus::result<primes_found> primes_in(count_primes range);

class worker : public equus::incarnation<worker> {
public:
    equus::stream<farming> tasks{*this, "tasks"};
    equus::task<> main();
};

class manager : public equus::incarnation<manager> {
public:
    struct parameters {
        std::uint64_t below = 10'000'000;
        std::uint32_t ranges = 400;
        std::uint32_t per_node = 1;
        std::uint32_t leaves = 0;
        EQUUS_FIELDS(below, ranges, per_node, leaves)
    };
    struct state {
        std::deque<std::uint32_t> waiting;           ///< ranges that nobody has
        std::map<std::uint32_t, std::uint64_t> done; ///< primes by range
        std::vector<std::string> happened;
        std::uint32_t left = 0;  ///< nodes that have gone
        std::uint32_t again = 0; ///< ranges that were handed out once more
        EQUUS_FIELDS(waiting, done, happened, left, again)
    };
    parameters parameters_;
    state state_;
    equus::port<farming> tasks{*this, "tasks"};
    equus::stream<equus::console::printing> console{*this, "console"};

    equus::task<std::int32_t> main();

private:
    using request = equus::delivery<farming>;
    struct hand {
        std::string name;
        equus::node_boot node;
        bool watched = false; ///< its end will be heard of: it may have a range
        bool busy = false;
        std::uint32_t id = 0; ///< of the range that it has
    };
    struct idle_hand {
        equus::incarnation_id who;
        request message;
    };

    equus::task<> hear_workers();
    equus::task<> hear_notices();
    equus::task<> hear_ends();
    equus::task<> hire(equus::node_boot where, std::uint32_t count);
    equus::task<> print_lines();
    void happened(std::string line);
    void noticed(const equus::launching::notice& what);
    bool ended(const equus::event& what);
    range range_of(std::uint32_t id) const;
    void take_result(const next_range& asked);
    void give_work();
    bool give(equus::incarnation_id who, request& message);
    bool complete() const;
    std::string table() const;

    std::map<equus::incarnation_id, hand> hands_;
    std::deque<idle_hand> idle_;
    std::map<equus::node_boot, std::string> nodes_; ///< by names; those that may have workers
    std::map<std::string, std::uint32_t> counted_;  ///< ranges, by node
    std::deque<std::string> lines_;                 ///< to be printed
    std::uint32_t losses_ = 0;                      ///< of workers on nodes that live
    std::string trouble_;
    bool last_is_kept_ = false;
    std::uint32_t told_percent_ = 0;
    equus::wake_signal changed_;
    equus::task_group hearing_; ///< last: its tasks use all of the above
};

/// Registers the modules; the effect is the program's or a simulation's.
void add_farm(equus::module_table& modules);

} // namespace farm
