// Who plays in `migrate` and `migrate_crash` (sim_workloads.hpp).
#pragma once

#include "host/sim_ledger.hpp"
#include "host/sim_reporting.hpp"

#include <equus/equus.hpp>
#include <equus/task_group.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace equus::sim::wandering {

using namespace equus::literals;

struct item {
    std::uint32_t producer = 0;
    std::uint64_t number = 0;
    bytes filling;
    EQUUS_FIELDS(producer, number, filling)
};
struct count {
    std::uint64_t items = 0; ///< of that producer
    EQUUS_FIELDS(items)
};
struct ask_count {
    using reply = count;
    std::uint32_t producer = 0;
    EQUUS_FIELDS(producer)
};
using supplying = protocol<"sim.supplying", item, ask_count>;
struct bulletin {
    std::uint32_t producer = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(producer, number)
};
using publishing = protocol<"sim.publishing", bulletin>;

/// A consumer is there.
struct ready {
    std::uint32_t consumer = 0;
    stream<supplying> door;
    EQUUS_FIELDS(consumer, door)
};
/// A producer has sent all, or can send no more.
struct finished {
    std::uint32_t producer = 0;
    std::uint64_t sent = 0;
    bool broken = false;
    EQUUS_FIELDS(producer, sent, broken)
};
using telling = protocol<"sim.telling", ready, finished>;

/// Out of the framework: a consumer has taken an item. It must be the next one of that producer,
/// wherever the consumer is.
struct taken {
    using reply = reporting::noted;
    std::uint32_t consumer = 0;
    std::uint32_t producer = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(consumer, producer, number)
};
inline constexpr const char* taken_effect = "sim.taken";

class consumer : public incarnation<consumer> {
public:
    struct parameters {
        std::uint32_t index = 0;
        EQUUS_FIELDS(index)
    };
    struct state {
        ledger book;
        ledger papers;
        bool reads_paper = false;
        EQUUS_FIELDS(book, papers, reads_paper)
    };
    parameters parameters_;
    state state_;
    port<supplying> in{*this, "in"};
    port<publishing> paper{*this, "paper"};
    stream<telling> home{*this, "home"};
    stream<publishing> press{*this, "press"};

    task<> start();
    task<> on(item i);
    task<count> on(ask_count a);
    task<> on(bulletin b);
};

class producer : public incarnation<producer> {
public:
    struct parameters {
        std::uint32_t index = 0;
        std::uint64_t items = 50;
        std::uint32_t bytes_max = 100;
        duration nap_max{0};
        EQUUS_FIELDS(index, items, bytes_max, nap_max)
    };
    struct state {
        std::uint64_t sent = 0;
        bool told = false;
        bool broken = false;
        EQUUS_FIELDS(sent, told, broken)
    };
    parameters parameters_;
    state state_;
    stream<supplying> out{*this, "out"};
    stream<publishing> press{*this, "press"};
    stream<telling> home{*this, "home"};

    task<> main();
};

class director : public incarnation<director> {
public:
    struct parameters {
        std::uint32_t nodes = 2;
        std::uint32_t consumers = 2;
        std::uint32_t producers = 3;
        std::uint64_t items = 50;
        std::uint32_t bytes_max = 100;
        std::uint32_t movers = 2;
        std::uint32_t moves = 20;
        std::uint64_t dice = 1;
        bool deaths = false;
        duration nap_max{0};
        EQUUS_FIELDS(nodes, consumers, producers, items, bytes_max, movers, moves, dice, deaths,
                     nap_max)
    };
    parameters parameters_;
    port<telling> in{*this, "in"};
    task<> main();

private:
    struct player {
        incarnation_handle handle;
        incarnation_id id;
        stream<supplying> door; ///< of a consumer
        bool lost = false;
        bool done = false; ///< a producer
        finished outcome;
    };
    std::uint64_t roll(std::uint64_t sides) noexcept;
    task<> cast(bool produces, std::uint32_t index);
    task<> hear();
    task<> heed();
    task<> move_about();
    bool all_done() const;
    task<> compare();

    std::vector<node_boot> nodes_;
    std::vector<player> players_; ///< consumers first
    stream<publishing> press_;
    std::uint32_t moves_left_ = 0;
};

} // namespace equus::sim::wandering
