// Who plays in `model` (sim_workloads.hpp).
#pragma once

#include "host/sim_reporting.hpp"

#include <equus/equus.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace equus::sim::modelling {

using namespace equus::literals;

/// Item `number` of a speaker to the hearer `to`.
struct item {
    std::uint32_t speaker = 0;
    std::uint32_t to = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(speaker, to, number)
};
/// May be lost.
struct blink {
    std::uint32_t speaker = 0;
    std::uint32_t to = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(speaker, to, number)
};
struct tally {
    std::uint64_t items = 0;
    EQUUS_FIELDS(items)
};
struct count {
    using reply = tally;
    std::uint32_t speaker = 0;
    EQUUS_FIELDS(speaker)
};
using talking = protocol<"sim.talking", item, blink, count>;

/// A stream that leaves its owner.
struct gift {
    stream<talking> what;
    EQUUS_FIELDS(what)
};
using giving = protocol<"sim.giving", gift>;

struct begin {
    std::vector<stream<talking>> lanes;
    stream<talking> deaf; ///< to who never listens
    stream<giving> gifts;
    std::uint64_t items = 0;
    std::uint32_t queue_max = 0; ///< of asinvoke
    duration nap_max{0};
    EQUUS_FIELDS(lanes, deaf, gifts, items, queue_max, nap_max)
};
using beginning = protocol<"sim.talk_beginning", begin>;

struct ready {
    std::uint32_t index = 0;
    stream<talking> in;
    stream<beginning> begins;
    stream<giving> gifts;
    EQUUS_FIELDS(index, in, begins, gifts)
};
struct told {
    std::uint32_t index = 0;
    std::vector<std::uint64_t> sent;   ///< by lane: items that the stream has taken
    std::vector<std::uint32_t> broken; ///< by lane
    EQUUS_FIELDS(index, sent, broken)
};
using conducting = protocol<"sim.talk_conducting", ready, told>;

struct index_parameters {
    std::uint32_t index = 0;
    duration nap_max{0};
    EQUUS_FIELDS(index, nap_max)
};

/// What hearers of both forms know.
struct hearing {
    std::map<std::uint32_t, std::uint64_t> items, blinks; ///< the last of each speaker
    std::string take(std::uint32_t me, const item& got, bool marked);
    std::string take(std::uint32_t me, const blink& got);
};

/// Takes its messages itself, and freezes each client once.
class hearer : public incarnation<hearer> {
public:
    index_parameters parameters_;
    port<talking> in{*this, "in"};
    port<giving> gifts{*this, "gifts"};
    stream<conducting> conductor{*this, "conductor"};
    task<> main();

private:
    task<> serve(delivery<talking> got);
    hearing heard_;
    std::map<std::uint32_t, bool> frozen_; ///< speakers that have been
};

/// Hears by handlers.
class server : public incarnation<server> {
public:
    index_parameters parameters_;
    port<talking> in{*this, "in"};
    port<giving> gifts{*this, "gifts"};
    stream<conducting> conductor{*this, "conductor"};
    task<> start();
    task<> on(item got);
    task<> on(blink got);
    tally on(count asked) { return {heard_.items[asked.speaker]}; }
    void on(gift) {}

private:
    hearing heard_;
};

/// Never listens.
class deaf : public incarnation<deaf> {
public:
    index_parameters parameters_;
    port<talking> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};
    task<> main();
};

class speaker : public incarnation<speaker> {
public:
    index_parameters parameters_;
    port<beginning> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};
    task<> main();

private:
    task<> say(std::uint32_t lane, std::uint64_t number);
    task<> look_at(std::uint32_t lane, std::uint64_t number, error reason);
    task<> speak_to_the_deaf();
    task<> give_away();
    task<> send_what_is_in_doubt();
    begin what_;
    told outcome_;
    std::vector<bool> resent_;
};

class conductor : public incarnation<conductor> {
public:
    struct parameters {
        std::uint32_t hearers = 2;
        std::uint32_t speakers = 2;
        std::uint32_t nodes = 2;
        std::uint64_t items = 50;
        std::uint32_t queue_max = 2;
        duration nap_max{0};
        EQUUS_FIELDS(hearers, speakers, nodes, items, queue_max, nap_max)
    };
    parameters parameters_;
    port<conducting> in{*this, "in"};
    task<> main();

private:
    struct player {
        incarnation_handle handle;
        node_boot at;
        bool ready = false;
        bool done = false;
        bool made = false;
        modelling::ready doors;
        told outcome;
    };
    task<> cast(std::string module, std::uint32_t index);
    task<> hear();
    task<> wait_for(bool player::*what, std::size_t first, std::size_t count);
    task<> compare(std::uint32_t hearer, std::uint32_t speaker);
    bool lost(const player& who) const;
    std::size_t speaker_at(std::uint32_t index) const { return parameters_.hearers + 1 + index; }

    std::vector<node_boot> nodes_;
    std::vector<player> players_; ///< hearers, the deaf one, speakers
};

} // namespace equus::sim::modelling
