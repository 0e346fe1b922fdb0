// How a document gets on the paper of an IPP queue, once. The printer is a service of every node;
// what it asks of the queue are three effects, each one or two requests of IPP, so that the order
// of the steps can be simulated with every fault in between.
//
// IPP has no request that may be repeated: a client that does not hear the answer to its Print-Job
// cannot know whether there is a job now. So a job is entered with all its data and *held*, under a
// name that begins with a key of its own; then the jobs of that key are looked at, and of those
// that are neither cancelled nor aborted the one with the lowest number is released, by whoever
// looks. A job that is entered later has a higher number, is held, and is taken back. However often
// a document is entered, by whomever, and whatever answers are lost: one job of it is printed.
// Where that ends: a queue that forgets its finished jobs before the second look, or that does not
// know how to hold a job.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/time.hpp>
#include <equus/protocol.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace doc {

struct on_paper {
    std::uint32_t job = 0; ///< its number in the queue
    EQUUS_FIELDS(job)
};
/// Prints a document and waits for its end. Errors: not_found (no such queue), refused (the queue
/// says no, or has stopped), timed_out, maybe_delivered (it may be on paper), io_failed (no
/// server), invalid_argument (no URI of a queue).
struct put_on_paper {
    using reply = on_paper;
    std::string queue; ///< "ipp://HOST:PORT/printers/NAME"
    std::string key;   ///< of the document in this run; contains no space
    std::string name;  ///< for people
    equus::bytes pdf;
    equus::duration within = std::chrono::minutes{10}; ///< afterwards the job is taken back
    EQUUS_FIELDS(queue, key, name, pdf, within)
};
using queueing = equus::protocol<"doc.queueing", put_on_paper>;

// ---- effects

inline constexpr std::string_view look_effect = "doc.queue.look";
inline constexpr std::string_view enter_effect = "doc.queue.enter";
inline constexpr std::string_view change_effect = "doc.queue.change";

enum class job_phase : std::uint16_t {
    held = 0,
    going = 1, ///< waits for its turn, is printed, or stands with the printer
    completed = 2,
    cancelled = 3,
    aborted = 4, ///< given up by the queue
};
struct job_seen {
    std::uint32_t number = 0;
    job_phase phase = job_phase::held;
    std::string said; ///< by the queue about the job
    EQUUS_FIELDS(number, phase, said)
};
struct queue_seen {
    bool accepting = true;
    bool stopped = false;
    std::string said; ///< by the queue about itself
    std::vector<job_seen> jobs;
    EQUUS_FIELDS(accepting, stopped, said, jobs)
};
/// The queue, and its jobs with that key.
struct look_at_queue {
    using reply = queue_seen;
    std::string queue;
    std::string key;
    EQUUS_FIELDS(queue, key)
};

struct job_entered {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
/// One more job, held. Error maybe_delivered: there may be one.
struct enter_job {
    using reply = job_entered;
    std::string queue;
    std::string key;
    std::string name;
    equus::bytes pdf;
    EQUUS_FIELDS(queue, key, name, pdf)
};

enum class job_change : std::uint16_t { release = 0, cancel = 1 };
struct job_changed {
    bool changed = true; ///< false: it was too late for that
    EQUUS_FIELDS(changed)
};
struct change_job {
    using reply = job_changed;
    std::string queue;
    std::uint32_t number = 0;
    job_change change = job_change::release;
    EQUUS_FIELDS(queue, number, change)
};

/// Of jobs with one key, the one that is printed; null: none of them.
const job_seen* chosen(const std::vector<job_seen>& jobs) noexcept;

} // namespace doc
