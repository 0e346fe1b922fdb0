// Who plays in `calls` (sim_workloads.hpp).
#pragma once

#include "host/sim_reporting.hpp"

#include <equus/equus.hpp>
#include <equus/task_group.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace equus::sim::calling {

using namespace equus::literals;

/// What a call is to meet at the server.
enum class fate : std::uint16_t { answered = 0, slow = 1, refused = 2, dropped = 3 };
EQUUS_ENUM(fate, answered, slow, refused, dropped)

struct sum {
    std::uint64_t value = 0;
    EQUUS_FIELDS(value)
};
/// Call `number` of `caller`.
struct add {
    using reply = sum;
    std::uint32_t caller = 0;
    std::uint64_t number = 0;
    fate wanted = fate::answered;
    bytes filling;
    EQUUS_FIELDS(caller, number, wanted, filling)
};
/// The caller was told that this one never left.
struct never {
    std::uint32_t caller = 0;
    std::uint64_t number = 0;
    EQUUS_FIELDS(caller, number)
};
using adding = protocol<"sim.adding", add, never>;

struct begin {
    std::vector<stream<adding>> servers;
    std::uint32_t calls = 0;
    duration within_max{0};
    duration overtime{0}; ///< a call may end that long after its deadline; 0: not looked at
    duration nap_max{0};
    EQUUS_FIELDS(servers, calls, within_max, overtime, nap_max)
};
using beginning = protocol<"sim.call_beginning", begin>;

struct server_ready {
    std::uint32_t index = 0;
    stream<adding> in;
    EQUUS_FIELDS(index, in)
};
struct caller_ready {
    std::uint32_t index = 0;
    stream<beginning> in;
    EQUUS_FIELDS(index, in)
};
struct called {
    std::uint32_t index = 0;
    std::uint32_t answered = 0;
    EQUUS_FIELDS(index, answered)
};
using conducting = protocol<"sim.call_conducting", server_ready, caller_ready, called>;

inline std::uint64_t answer_to(std::uint32_t caller, std::uint64_t number) noexcept {
    return number * 1'000'003 + caller;
}

class server : public incarnation<server> {
public:
    struct parameters {
        std::uint32_t index = 0;
        EQUUS_FIELDS(index)
    };
    parameters parameters_;
    port<adding> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};

    task<> main();

private:
    task<> serve(delivery<adding> came);
    std::set<std::pair<std::uint32_t, std::uint64_t>> done_, never_;
    task_group serving_; ///< last: its tasks use the others
};

class caller : public incarnation<caller> {
public:
    struct parameters {
        std::uint32_t index = 0;
        EQUUS_FIELDS(index)
    };
    parameters parameters_;
    port<beginning> in{*this, "in"};
    stream<conducting> conductor{*this, "conductor"};

    task<> main();

private:
    task<> call(const begin& what, std::uint64_t number);
    task<> judge(const begin& what, stream<adding> to, std::uint64_t number, fate wanted,
                 error reason);
    std::uint32_t answered_ = 0;
};

class conductor : public incarnation<conductor> {
public:
    struct parameters {
        std::uint32_t servers = 2;
        std::uint32_t callers = 2;
        std::uint32_t nodes = 2;
        std::uint32_t calls = 50;
        duration within_max{0};
        duration overtime{0};
        duration nap_max{0};
        EQUUS_FIELDS(servers, callers, nodes, calls, within_max, overtime, nap_max)
    };
    parameters parameters_;
    port<conducting> in{*this, "in"};

    task<> main();

private:
    struct player {
        incarnation_handle handle;
        node_boot at;
        bool ready = false;
        bool lost = false;
        bool done = false;
    };
    task<> cast(std::vector<player>& into, std::string module, std::uint32_t index);
    task<> wait_for(bool player::*what, std::vector<player>& among);
    task<> hear();
    task<> end_one();

    std::vector<node_boot> nodes_;
    std::vector<player> servers_, callers_;
    std::vector<stream<adding>> to_servers_;
    std::vector<stream<beginning>> to_callers_;
};

} // namespace equus::sim::calling
