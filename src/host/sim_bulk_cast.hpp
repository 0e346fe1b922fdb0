// Who plays in `bulk` (sim_workloads.hpp): keepers have a buffer and take bulk, movers write, read
// and send, a conductor makes them and counts in the end.
#pragma once

#include "host/sim_reporting.hpp"

#include <equus/equus.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus::sim::moving {

using namespace equus::literals;

struct taken {
    bool right = true;
    EQUUS_FIELDS(right)
};
/// Bulk whose bytes follow from `seed`; taken as the seed says, or left.
struct load {
    using reply = taken;
    std::uint64_t seed = 0;
    bulk body;
    EQUUS_FIELDS(seed, body)
};
/// The same, one-way.
struct note {
    std::uint32_t mover = 0;
    std::uint64_t seed = 0;
    bulk body;
    EQUUS_FIELDS(mover, seed, body)
};
struct goods {
    bulk body;
    EQUUS_FIELDS(body)
};
struct order {
    using reply = goods;
    std::uint64_t seed = 0;
    std::uint64_t size = 0;
    EQUUS_FIELDS(seed, size)
};
struct tally {
    std::uint64_t right = 0;
    std::uint64_t lost = 0; ///< their sender's node was gone
    EQUUS_FIELDS(right, lost)
};
struct count {
    using reply = tally;
    std::uint32_t mover = 0;
    EQUUS_FIELDS(mover)
};
using loading = protocol<"sim.loading", load, note, order, count>;

struct place_of {
    std::uint32_t index = 0;
    stream<loading> door;
    buffer_handle area; ///< a slot of it for each mover
    EQUUS_FIELDS(index, door, area)
};
struct begin {
    std::vector<place_of> keepers;
    EQUUS_FIELDS(keepers)
};
using beginning = protocol<"sim.beginning_to_move", begin>;
struct mover_ready {
    std::uint32_t index = 0;
    stream<beginning> in;
    EQUUS_FIELDS(index, in)
};
struct moved_all {
    std::uint32_t index = 0;
    std::vector<std::uint64_t> notes; ///< accepted, by keeper
    EQUUS_FIELDS(index, notes)
};
using conducting = protocol<"sim.conducting_bulk", place_of, mover_ready, moved_all>;

struct keeper_parameters {
    std::uint32_t index = 0;
    std::uint32_t movers = 1;
    std::uint32_t size_max = 1'000;
    duration nap_max{0};
    EQUUS_FIELDS(index, movers, size_max, nap_max)
};

class keeper : public incarnation<keeper> {
public:
    keeper_parameters parameters_;
    port<loading> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};

    task<> start();
    task<taken> on(load l);
    task<> on(note n);
    task<goods> on(order o);
    tally on(count c) { return tallies_.at(c.mover); }

private:
    buffer area_;
    buffer kept_; ///< what is taken into a given buffer goes here
    std::vector<tally> tallies_;
};

class mover : public incarnation<mover> {
public:
    struct parameters {
        std::uint32_t index = 0;
        std::uint32_t rounds = 10;
        std::uint32_t size_max = 1'000;
        bool deaths = false;
        duration nap_max{0};
        EQUUS_FIELDS(index, rounds, size_max, deaths, nap_max)
    };
    parameters parameters_;
    port<beginning> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};

    task<> main();

private:
    task<> loads(const place_of& at, std::uint64_t seed, std::size_t size);
    task<> notes(const place_of& at, std::uint64_t seed, std::size_t size);
    task<> orders(const place_of& at, std::uint64_t seed, std::size_t size);
    task<> writes(const place_of& at, std::uint64_t seed, std::size_t size);
    task<> oversteps(const place_of& at);
    /// What may end an operation here: nothing, or the loss of the other node.
    task<> failed(std::string what, error why);
    std::vector<std::uint64_t> accepted_;
};

class conductor : public incarnation<conductor> {
public:
    struct parameters {
        std::uint32_t nodes = 2;
        std::uint32_t keepers = 2;
        std::uint32_t movers = 2;
        std::uint32_t rounds = 10;
        std::uint32_t size_max = 1'000;
        bool deaths = false;
        duration nap_max{0};
        EQUUS_FIELDS(nodes, keepers, movers, rounds, size_max, deaths, nap_max)
    };
    parameters parameters_;
    port<conducting> in{*this, "in"};

    task<> main();

private:
    struct player {
        node_boot at;
        bool ready = false;
        bool lost = false;
        bool done = false;
    };
    task<> cast(std::vector<player>& into, std::string module, std::uint32_t index);
    task<> hear_until(bool player::*what, std::vector<player>& among);
    task<> hear();
    task<> check();

    std::vector<node_boot> nodes_;
    std::vector<player> keepers_, movers_;
    std::vector<place_of> places_;
    std::vector<stream<beginning>> begins_;
    std::vector<moved_all> outcomes_;
};

} // namespace equus::sim::moving
