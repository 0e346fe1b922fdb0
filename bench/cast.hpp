// The incarnations that the workloads are made of. They run for as long as they are let: a workload
// counts what has arrived and stops asking for more.
#pragma once

#include <equus/equus.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus::bench {

/// 32 bytes of payload.
struct tick {
    std::uint64_t a = 0, b = 0, c = 0, d = 0;
    EQUUS_FIELDS(a, b, c, d)
};
struct answer {
    std::uint64_t a = 0, b = 0, c = 0, d = 0;
    EQUUS_FIELDS(a, b, c, d)
};
struct question {
    using reply = answer;
    std::uint64_t a = 0, b = 0, c = 0, d = 0;
    EQUUS_FIELDS(a, b, c, d)
};
/// Bulk that is taken into a buffer and answered with 32 bytes.
struct load {
    using reply = answer;
    std::uint64_t a = 0;
    bulk body;
    EQUUS_FIELDS(a, body)
};
using ticking = protocol<"bench.ticking", tick>;
using asking = protocol<"bench.asking", question>;
using loading = protocol<"bench.loading", load>;

/// A server says where it is reached.
struct here {
    stream<asking> ask;
    stream<ticking> tell;
    stream<loading> load;
    EQUUS_FIELDS(ask, tell, load)
};
using finding = protocol<"bench.finding", here>;

/// What the incarnations of this process have done; the workload reads it between turns.
struct progress {
    std::uint64_t received = 0;
    std::uint64_t answered = 0;
    std::uint64_t created = 0;
    /// Time of each call, when it is wanted.
    bool keep_times = false;
    std::vector<double> times_us;
    /// Why an incarnation gave up; empty while all goes well.
    std::string problem;
};
extern progress seen;

/// `workload`, on a node of one program: see the .cpp files.
module_table cast();

} // namespace equus::bench
