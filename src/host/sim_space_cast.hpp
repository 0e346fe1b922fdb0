// Who plays in `space` (sim_workloads.hpp).
#pragma once

#include "host/sim_reporting.hpp"

#include <equus/equus.hpp>
#include <equus/services/launch.hpp>
#include <equus/services/space.hpp>
#include <equus/task_group.hpp>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace equus::sim::spacing {

using namespace equus::literals;

inline constexpr const char* seat_label = "seat";

/// From a guest on a seat: word `number` of `of` of that visit.
struct word {
    incarnation_id guest;
    std::uint32_t visit = 0;
    std::uint32_t number = 0;
    std::uint32_t of = 0;
    EQUUS_FIELDS(guest, visit, number, of)
};
/// To the one who has put a chair there: which label it was found under.
struct tried {
    std::string label;
    EQUUS_FIELDS(label)
};
using talking = protocol<"sim.talking", word, tried>;

/// Owns the seats, and knows who sits there.
class host_of_seats : public incarnation<host_of_seats> {
public:
    struct parameters {
        std::uint32_t seats = 1;
        EQUUS_FIELDS(seats)
    };
    parameters parameters_;
    port<talking> in{*this, "in"};
    stream<space::spacing> space{*this, "space"};

    task<> main();

private:
    task<> hear(word said);
    task<> forget_the_lost();
    /// Words so far, by guest; one who has said the last one has gone.
    std::map<incarnation_id, word> sitting_;
    std::map<incarnation_id, std::uint32_t> visits_;
};

class guest : public incarnation<guest> {
public:
    struct parameters {
        std::uint32_t visits = 1;
        std::uint32_t words_max = 4;
        duration nap_max{0};
        std::uint32_t dies_per_mille = 0;
        std::uint32_t salt = 0;
        EQUUS_FIELDS(visits, words_max, nap_max, dies_per_mille, salt)
    };
    parameters parameters_;
    port<talking> in{*this, "in"};
    stream<space::spacing> space{*this, "space"};

    task<> main();

private:
    std::uint32_t draw(std::uint32_t most) noexcept;
    /// False: it dies now, with the seat.
    task<bool> visit(std::uint32_t number);
    task<> try_a_chair(std::uint32_t number);
    task<> hear_of_chairs();
    std::uint64_t drawn_ = 0;
    std::set<std::string> chairs_;
    task_group hearing_; ///< last: its task uses the others
};

/// The primary: makes guests, and others for those that are lost, and looks at what is left.
class referee : public incarnation<referee> {
public:
    struct parameters {
        std::uint32_t guests = 2;
        EQUUS_FIELDS(guests)
    };
    parameters parameters_;
    stream<space::spacing> space{*this, "space"};

    task<std::int32_t> main();

private:
    task<> invite(std::uint32_t count);
    task<> look_at_what_is_left();
    std::set<incarnation_id> present_;
    std::uint32_t lost_ = 0;
};

} // namespace equus::sim::spacing
