// Who plays in `multicast` (sim_workloads.hpp).
#pragma once

#include "host/sim_reporting.hpp"

#include <equus/equus.hpp>
#include <equus/wiring.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace equus::sim::broadcasting {

using namespace equus::literals;

struct news {
    std::uint32_t speaker = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(speaker, number)
};
struct order {
    std::uint32_t speaker = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(speaker, number)
};
using newscast = protocol<"sim.newscast", news>;
using ordering = protocol<"sim.ordering", order>;

/// What a speaker tells when it has sent all.
struct spoken {
    std::uint32_t speaker = 0;
    std::uint64_t numbers = 0;
    bool broken = false; ///< a channel's creator was lost
    EQUUS_FIELDS(speaker, numbers, broken)
};
/// An order was carried out.
struct done {
    std::uint32_t speaker = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(speaker, number)
};
/// A member has heard the last number of a speaker, or has joined: of nobody.
inline constexpr std::uint32_t nobody = ~0u;
struct heard {
    std::uint32_t member = 0;
    std::uint32_t speaker = 0;
    std::uint64_t last = 0;
    EQUUS_FIELDS(member, speaker, last)
};
using collecting = protocol<"sim.collecting", spoken, done, heard>;

struct parameters {
    std::uint32_t index = 0;
    std::uint32_t leaves_after = 0; ///< so many numbers, and joins anew; 0: stays
    bool ends = false;              ///< instead of joining anew
    bool gets_stuck = false;
    std::uint64_t numbers = 50;
    duration nap_max{0};
    EQUUS_FIELDS(index, leaves_after, ends, gets_stuck, numbers, nap_max)
};

class member : public incarnation<member> {
public:
    parameters parameters_;
    stream<newscast> all{*this, "all"};
    stream<ordering> any{*this, "any"};
    stream<collecting> collector{*this, "collector"};
    task<> main();

private:
    task<> obey(port<ordering> in);
    /// Until it has heard its fill.
    task<> listen(port<newscast> in);
    bool reported_ = false; ///< that it has joined
};

class speaker : public incarnation<speaker> {
public:
    parameters parameters_;
    stream<newscast> all{*this, "all"};
    stream<ordering> any{*this, "any"};
    stream<collecting> collector{*this, "collector"};
    task<> main();
};

class collector : public incarnation<collector> {
public:
    struct parameters {
        std::uint32_t members = 3;
        std::uint32_t speakers = 2;
        std::uint32_t nodes = 2;
        std::uint64_t numbers = 50;
        bool stuck = false;
        duration nap_max{0};
        EQUUS_FIELDS(members, speakers, nodes, numbers, stuck, nap_max)
    };
    parameters parameters_;
    port<collecting> in{*this, "in"};
    task<> main();

private:
    struct player {
        incarnation_handle handle;
        node_boot at;
        bool speaks = false;
        bool done = false;
    };
    task<> cast(bool speaks, std::uint32_t index);
    task<> hear();
    bool lost(const player& who) const;
    bool all_lost_or_done() const;
    bool all_has_come();
    bool anybody_was_lost() const;

    std::vector<node_boot> nodes_;
    std::vector<player> players_;
    stream<newscast> all_;
    stream<ordering> any_;
    std::map<std::uint32_t, std::uint64_t> spoken_; ///< by speaker
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> carried_out_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> heard_; ///< member, speaker
};

} // namespace equus::sim::broadcasting
