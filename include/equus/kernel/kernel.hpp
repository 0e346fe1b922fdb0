// The kernel's only door. A kernel is one node: one thread calls it, and it does no I/O. It has no
// clock, no socket, no thread and no random device; what it knows of the world comes in by the
// input functions, and what it wants from the world is taken out with `next_output`. So the TCP
// node, the simulator, the shared-memory ring and the VME card run the very same code, and a run is
// a function of its inputs.
//
// The driver's duties, in this order, for ever:
//   1. tick(now), with a clock that never goes back and goes on during system suspend;
//   2. the inputs that have arrived;
//   3. run(steps), until it returns false or the driver's own time budget is over;
//   4. next_output() until it returns false, each carried out (outputs leave only while the lease
//      holds: call tick(now) again first when the turn was long);
//   5. sleep until next_deadline() or the next input.
// Inputs are never nested: no function of the kernel calls back into the driver.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/ids.hpp>
#include <equus/base/result.hpp>
#include <equus/base/time.hpp>
#include <equus/kernel/limits.hpp>
#include <equus/kernel/trace.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace equus {

class module_table;
struct node_status;

/// A connection between two drivers, named by this side's driver, never reused. It carries packets,
/// each whole or not at all.
using link_id = strong_id<struct link_id_tag, std::uint64_t>;
/// An attempt to make a link, named by the kernel.
using dial_id = strong_id<struct dial_id_tag, std::uint64_t>;
/// Something asked of the outside, named by the kernel.
using effect_id = strong_id<struct effect_id_tag, std::uint64_t>;

struct link_traits {
    /// The dial that this link answers; 0 for a link the other side dialled.
    dial_id dialled;
    /// Packets arrive in order, once, until the link breaks (TCP, ring). Otherwise any of them may
    /// be lost, duplicated or overtaken, and the session repeats them by its timer.
    bool ordered = true;
};

/// Where a node's buffers lie: page-aligned blocks of whole pages, which the node recycles. A
/// target that has better pages than `new` gives them here.
struct bulk_memory {
    void* (*take)(std::size_t size_bytes) noexcept = nullptr; ///< null result: none left
    void (*give)(void* block, std::size_t size_bytes) noexcept = nullptr;
};

struct kernel_options {
    /// For people; unique within the run (the register refuses a second).
    std::string name = "node";
    /// The root keeps the membership register and is node 1, boot 1 of its run.
    bool root = true;
    /// Where the root listens, in the driver's notation; not for the root itself.
    std::string root_address;
    /// Where this node listens; handed to the other members. Empty: it only dials.
    std::string address;
    /// What `nodes where has(...)` and `zone == ...` look at.
    std::vector<std::pair<std::string, std::string>> traits;
    /// The run. All nodes of a run are given the same; a node of another is refused.
    rdc_id run{1};
    /// Distinguishes this process from its earlier lives while it asks to join: any number that is
    /// not used twice (a process id and start time, a simulation's counter).
    std::uint64_t instance = 1;
    /// Known to nobody else; the proofs that calls carry to their holders are made with it. Drawn
    /// at random where other members are not to be trusted blindly.
    std::uint64_t secret = 0;
    /// Every local message is encoded and decoded as if it had travelled (tests).
    bool copy_local_messages = false;
    /// The driver sends packets in two pieces: see output::tail. Otherwise they are made one.
    bool gathers = false;
    bulk_memory memory{}; ///< nulls: from `new`
    kernel_limits limits{};
    /// Keep the running hash of the trace (tests, simulations).
    bool trace_hash = false;
    /// Receives every trace record. Borrowed; outlives the kernel. May be null.
    trace_sink* trace = nullptr;
};

/// What the kernel wants done. Spans and views are valid until the next call of any function of the
/// kernel.
struct output {
    enum class kind : std::uint8_t {
        packet,  ///< send `data` and then `tail`, as one packet, on `link`
        dial,    ///< make a link to `text`; answer link_up(.., {dial}) or dial_failed(dial)
        hang_up, ///< close `link`; link_down is not expected but harmless
        effect,  ///< do `text` with `body`; answer effect_done(effect, ...) exactly once
        stopped, ///< the last output: this node's life is over; `reason` says why (errc::ok: it
                 ///< left)
    };
    kind what = kind::packet;
    link_id link;
    dial_id dial;
    effect_id effect;
    std::span<const std::byte> data;
    /// The rest of the packet, where it lies in a buffer; empty unless the driver gathers.
    std::span<const std::byte> tail;
    std::string_view text;
    bytes body;
    error reason{errc::ok};
};

/// Counters for people and tests; all since the start of the node.
struct kernel_counters {
    std::uint64_t messages_sent = 0;     ///< by incarnations of this node
    std::uint64_t messages_consumed = 0; ///< by incarnations of this node
    std::uint64_t messages_resent = 0;
    std::uint64_t duplicates_dropped = 0; ///< frames below the cursor
    std::uint64_t discards_answered = 0;
    std::uint64_t packets_sent = 0;
    std::uint64_t packets_resent = 0;
    std::uint64_t packets_received = 0;
    std::uint64_t packets_refused = 0; ///< malformed, foreign, stale
    std::uint64_t frames_refused = 0;
    std::uint64_t replies_dropped = 0; ///< their caller was gone
    std::uint64_t handlers_failed = 0;
    std::uint64_t dgrams_sent = 0; ///< one for each port
    std::uint64_t dgrams_dropped = 0;
    std::uint64_t deliveries_failed = 0;   ///< of asinvoke, after they were queued [K30]
    std::uint64_t legs_given_up = 0;       ///< of multicast streams, to ports that were stuck
    std::uint64_t undeliverable = 0;       ///< messages whose receiver ended before consuming them
    std::uint64_t events_lost = 0;         ///< since an incarnation had events_max of them
    std::uint64_t bulk_bytes_sent = 0;     ///< to other nodes
    std::uint64_t bulk_bytes_received = 0; ///< from other nodes
    std::uint64_t chunks_dropped = 0;      ///< that nobody waited for
};

struct kernel_impl;

class kernel {
public:
    /// `modules` is borrowed and outlives the kernel.
    kernel(kernel_options options, const module_table& modules);
    ~kernel();
    kernel(const kernel&) = delete;
    kernel& operator=(const kernel&) = delete;

    // ---- inputs

    /// The clock. Never goes back.
    void tick(time_point now);
    void link_up(link_id link, const link_traits& traits);
    void link_down(link_id link);
    /// The link has more to send than it can just now, or no longer: bulk waits while it is full,
    /// everything else goes on (rule 23). A new link is not full.
    void link_full(link_id link, bool full);
    void dial_failed(dial_id dial);
    /// One whole packet. Malformed ones are refused and counted.
    void input(link_id link, std::span<const std::byte> packet);
    /// Where the rest of a packet may be read to, when it is bulk for memory of this node: `head`
    /// is what has come of it and lies in the driver's memory, `read` bytes more have been read to
    /// where this said before, of `size_bytes` in all. Empty: into the driver's own memory. Valid
    /// until the next call of any other function of the kernel.
    std::span<std::byte> place(link_id link, std::span<const std::byte> head, std::size_t read,
                               std::size_t size_bytes);
    /// A packet whose end has been read to where `place` said, or thrown away when `place` said so
    /// no longer.
    void placed(link_id link, std::span<const std::byte> head, std::size_t size_bytes);
    /// The outcome of an `output::kind::effect`. Unknown ids are ignored (the asker has ended).
    void effect_done(effect_id effect, result<bytes> outcome);
    /// Root only: (node, boot) is known to be dead (its process has been waited for). One numbered
    /// write.
    void evict(node_boot dead);
    /// Makes an incarnation on this node, with no parent, as the driver's own: the launch, the
    /// control service, a test's subject. `what`: an encoded equus::creation (control.hpp).
    result<incarnation_id> boot(const bytes& what);
    /// Leave the run: incarnations end, peers are told, then `stopped` comes out.
    void leave(error reason);

    // ---- work

    /// Runs up to `steps` steps (a message handled, a coroutine resumed). True: there is more to
    /// run.
    bool run(std::size_t steps);

    // ---- outputs

    /// Fills `out`; false when there is none.
    bool next_output(output& out);
    /// When tick must be called at the latest; never() when nothing is pending.
    time_point next_deadline() const noexcept;

    // ---- observation

    node_boot self() const noexcept; ///< node 0 until joined
    bool joined() const noexcept;
    bool stopped() const noexcept;
    view_version view() const noexcept;
    const kernel_counters& counters() const noexcept;
    /// A running hash of all trace records so far; constant unless the options ask for it.
    std::uint64_t trace_hash() const noexcept;
    /// Incarnations, ports, streams, members: a copy for people and tools (equus/status.hpp).
    node_status status() const;
    /// Checks every invariant of docs/protocol.md that one node can check: empty text, or what is
    /// broken.
    std::string check_invariants() const;

private:
    std::unique_ptr<kernel_impl> impl_;
};

/// Whose code runs on a thread, and which.
struct running_code {
    incarnation_id id; ///< empty: nobody's
    std::string_view name;
    std::string_view module;
    std::string_view message; ///< whose handler it is; empty: its start(), main() or other tasks
};
/// What runs on the calling thread. Takes no memory and no lock: it may be asked in a signal
/// handler.
running_code running_now() noexcept;

} // namespace equus
