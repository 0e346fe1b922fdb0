// Who plays in `streams` (sim_workloads.hpp).
#pragma once

#include "host/sim_ledger.hpp"
#include "host/sim_reporting.hpp"

#include <equus/equus.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace equus::sim::streaming {

using namespace equus::literals;

/// The n-th item of a producer on one of its lanes. `filling` depends on the number, so that sizes
/// vary and a mixed-up content shows.
struct item {
    std::uint32_t producer = 0;
    std::uint32_t lane = 0;
    std::uint64_t number = 0;
    bytes filling;
    EQUUS_FIELDS(producer, lane, number, filling)
};
struct tally {
    std::uint64_t items = 0;
    EQUUS_FIELDS(items)
};
struct count {
    using reply = tally;
    std::uint32_t producer = 0;
    std::uint32_t lane = 0;
    EQUUS_FIELDS(producer, lane)
};
using items = protocol<"sim.items", item>;
using counting = protocol<"sim.counting", count>;

/// What a producer is told.
struct begin {
    std::vector<stream<items>> lanes;
    std::uint64_t numbers = 0;
    std::uint32_t filling_max = 0;
    std::uint32_t nap_every = 0; ///< sleeps after so many; 0: never
    duration nap_max{0};
    EQUUS_FIELDS(lanes, numbers, filling_max, nap_every, nap_max)
};
using beginning = protocol<"sim.beginning", begin>;

/// What the conductor is told.
struct consumer_ready {
    std::uint32_t index = 0;
    stream<items> in;
    stream<counting> ask;
    EQUUS_FIELDS(index, in, ask)
};
struct producer_ready {
    std::uint32_t index = 0;
    stream<beginning> in;
    EQUUS_FIELDS(index, in)
};
struct produced {
    std::uint32_t index = 0;
    std::vector<std::uint64_t> sent;   ///< by lane; what a broken one had accepted
    std::vector<std::uint32_t> broken; ///< 1: it has broken
    EQUUS_FIELDS(index, sent, broken)
};
using conducting = protocol<"sim.conducting", consumer_ready, producer_ready, produced>;

/// Different for each number, the same in each run.
inline duration nap_of(std::uint64_t number, duration most) {
    return duration{static_cast<std::int64_t>(number * 7919 % 16) * most.count() / 16};
}

struct consumer_parameters {
    std::uint32_t index = 0;
    std::uint32_t nap_every = 0; ///< takes its time over every n-th item; 0: never
    duration nap_max{0};
    std::uint32_t queue = 0; ///< its port's limit; 0: none
    EQUUS_FIELDS(index, nap_every, nap_max, queue)
};

/// Consumes by handlers.
class consumer : public incarnation<consumer> {
public:
    struct state {
        ledger seen;
        EQUUS_FIELDS(seen)
    };
    state state_;
    consumer_parameters parameters_;
    port<items> in{*this, "in"};
    port<counting> ask{*this, "ask"};
    stream<conducting> conductor{*this, "conductor"};

    task<> start();
    task<> on(item got);
    tally on(count asked) { return {state_.seen.at(asked.producer, asked.lane).number}; }
};

/// Consumes in main().
class reader : public incarnation<reader> {
public:
    struct state {
        ledger seen;
        EQUUS_FIELDS(seen)
    };
    state state_;
    consumer_parameters parameters_;
    port<items> in{*this, "in"};
    port<counting> ask{*this, "ask"};
    stream<conducting> conductor{*this, "conductor"};

    task<> start();
    task<> main();
};

class producer : public incarnation<producer> {
public:
    struct parameters {
        std::uint32_t index = 0;
        EQUUS_FIELDS(index)
    };
    parameters parameters_;
    port<beginning> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};

    task<> main();
};

class conductor : public incarnation<conductor> {
public:
    struct parameters {
        std::uint32_t consumers = 2;
        std::uint32_t producers = 2;
        std::uint32_t nodes = 2;
        std::uint32_t numbers = 100;
        std::uint32_t filling_max = 64;
        std::uint32_t nap_every = 0;
        duration nap_max{0};
        bool multicast = false;
        std::uint32_t queue = 0;
        EQUUS_FIELDS(consumers, producers, nodes, numbers, filling_max, nap_every, nap_max,
                     multicast, queue)
    };
    parameters parameters_;
    port<conducting> in{*this, "in"};

    task<> main();

private:
    struct player {
        incarnation_handle handle;
        node_boot at;
        bool ready = false;
        bool lost = false; ///< its node is gone
        bool done = false; ///< a producer: it has sent all
        produced outcome;
    };
    task<> cast(std::vector<player>& into, std::string module, std::uint32_t index);
    task<> wait_for(bool player::*what, std::vector<player>& among);
    task<> hear(duration patience);
    task<> look_around();
    task<> begin_all();
    task<> ask_all();
    task<> ask_one(std::uint32_t which, std::uint32_t by, std::uint32_t lane);
    bool counts(std::uint32_t producer, std::uint32_t lane, std::uint32_t consumer) const;

    std::vector<node_boot> nodes_;
    std::vector<player> consumers_, producers_;
    std::vector<stream<items>> items_;        ///< to each consumer
    std::vector<stream<counting>> questions_; ///< likewise
    std::vector<stream<beginning>> begins_;   ///< to each producer
    any_reference multicast_;
    any_reference closed_; ///< the last one that was closed
};

} // namespace equus::sim::streaming
