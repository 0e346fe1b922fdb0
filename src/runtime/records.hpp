// The kernel's tables hold these records; docs/protocol.md, "Tables", says what each is for and
// when it ends.
//
//   incarnation --owns--> references --> stream_record --has--> stream_leg(s)   the sending side
//               --owns--> port_record --has--> leg_entry per stream            the receiving side
//
// Numbers, cursor, credit and retention belong to a leg: one stream to one port (rule 1). A leg
// between two incarnations of one node has both halves here, joined by pointers; the queue is its
// retention.
#pragma once

#include "runtime/frames.hpp"
#include "runtime/list.hpp"
#include "runtime/pool.hpp"

#include <equus/core/calls.hpp>
#include <equus/event.hpp>
#include <equus/module.hpp>
#include <equus/status.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace equus {
struct kernel_impl;
}

namespace equus::detail {

/// An event on its way to whoever takes it.
struct queued_event {
    event what;
    queued_event* next = nullptr;
    event_handler handler; ///< that it waits for
    interrupt_priority priority = 0;
    bool counted = true; ///< in event_record::count; false: made for one who looked
};

} // namespace equus::detail

namespace equus::runtime {
struct stream_record;
}

namespace equus::detail {

/// An invocation that nobody awaits: its stream keeps it until it has ended.
struct queued_call : call_operation {
    queued_call() noexcept;
    runtime::stream_record* of = nullptr; ///< null: the stream has been closed
    queueing_operation* awaited_by = nullptr;
    queued_call* next_queued = nullptr;
    queued_call* next_ended = nullptr;
};

} // namespace equus::detail

namespace equus::runtime {

using detail::call_operation;
using detail::envelope;
using detail::leg_entry;
using detail::message_type;
using detail::module_type;
using detail::operation;
using detail::protocol_type;
using detail::queued_call;

struct incarnation_record;
struct port_record;
struct stream_record;

/// A message sent to another node and not known to be consumed: the bytes of its frame, kept for
/// sending again (rule 2).
struct retained_message {
    retained_message* next = nullptr;
    std::uint64_t number = 0;
    std::uint32_t body_bytes : 31 = 0; ///< what it counts for credit
    std::uint32_t has_bulk : 1 = false;
    std::uint32_t frame_bytes = 0; ///< that follow this header
    std::byte* frame() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};

/// The sending half of a leg.
struct stream_leg {
    stream_record* stream = nullptr;
    std::uint32_t slot = ~0u; ///< in the kernel's table of legs sent on
    port_id port;
    place at;                   ///< of the port
    leg_entry* local = nullptr; ///< the receiving half, when it is on this node
    std::uint32_t remote_leg = ~0u;
    std::uint64_t sent = 0;     ///< number of the last message
    std::uint64_t consumed = 0; ///< all up to it
    std::uint64_t limit_messages = 0;
    std::uint64_t sent_bytes = 0; ///< since the beginning, as limit_bytes counts
    std::uint64_t limit_bytes = 0;
    fifo<retained_message, &retained_message::next> retained;
    stream_leg* next = nullptr; ///< of the stream: multicast and anycast have several

    inline bool has_credit(std::uint32_t bytes) const noexcept;
};

/// What few streams have.
struct stream_extra {
    ~stream_extra();
    // asinvoke [K29]
    std::uint32_t queue_max = 0;
    std::uint32_t queued = 0;
    fifo<queued_call, &queued_call::next_queued> calls;
    linked_list<operation, &operation::previous, &operation::next> waiting; ///< for room
    linked_list<operation, &operation::previous, &operation::next> settling;
    error failure{errc::ok}; ///< the first that nobody has asked for
    // regulation [K41]
    bool frozen = false;
    std::uint32_t under_way_before = 0; ///< stream_record::under_way_max, while it is frozen
    std::uint32_t regulated = 0;        ///< version of its receiver's last word
    // what is left of legs that have broken (rule 12)
    std::uint64_t acknowledged = 0;
    std::uint64_t sent = 0;
    fifo<retained_message, &retained_message::next> in_doubt;
    // ports that keep the others of a multicast channel waiting
    struct stuck_leg {
        std::uint32_t slot = 0;
        std::uint64_t consumed = 0;
    };
    std::vector<stuck_leg> stuck;
    std::vector<port_id> given_up;
    struct stuck_timer : operation {
        stuck_timer() noexcept : operation{detail::operation_kind::patience} {}
        stream_record* stream = nullptr;
    };
    stuck_timer patience;
};

struct stream_record {
    static constexpr std::uint16_t no_limit = 0xffff;
    incarnation_record* owner = nullptr; ///< null: its owner has ended, the messages linger
    kernel_impl* kernel = nullptr;
    stream_id id;
    std::uint64_t protocol = 0;
    channel_id channel;
    channel_kind routing = channel_kind::unicast;
    bool closing : 1 = false;   ///< closed by its owner; ends when everything is consumed
    bool watched : 1 = false;   ///< its owner may be interested in it: events.cpp
    bool members_known = false; ///< of a multicast or anycast channel
    errc broken = errc::ok;
    std::uint16_t credit_first = 0; ///< of a new leg, before its port has said anything; 0: usual
    std::uint32_t members_version = 0;
    std::uint32_t under_way_max = ~0u;  ///< the owner's own limit: `limit NAME credit N`
    std::uint16_t calls_max = no_limit; ///< likewise: `limit NAME calls N`
    std::uint16_t calls_out = 0;        ///< sent and not answered; counted under a limit only
    std::uint32_t rebinds = 0;
    std::uint32_t followed_slot = ~0u;
    place channel_at; ///< of a multicast or anycast channel's creator
    stream_leg* legs = nullptr;
    stream_leg* anycast_next = nullptr;
    linked_list<operation, &operation::previous, &operation::next> waiting;

    bool has_its_calls() const noexcept { return calls_out >= calls_max; }
    std::unique_ptr<stream_extra> extra;

    stream_extra& more();
};

inline bool stream_leg::has_credit(std::uint32_t bytes) const noexcept {
    return sent < limit_messages && (sent_bytes + bytes <= limit_bytes || sent == consumed) &&
           sent - consumed < stream->under_way_max;
}

} // namespace equus::runtime

namespace equus::detail {

enum class entry_state : std::uint8_t { open, sealed, installing, gone };

/// The receiving half of a leg: a port's cursor for one stream.
struct leg_entry {
    runtime::port_record* port = nullptr;
    stream_id stream;
    std::uint32_t slot = ~0u;             ///< in the kernel's table of legs received on
    runtime::stream_leg* local = nullptr; ///< the sending half, when it is on this node
    node_boot from;
    std::uint32_t from_slot = 0;
    entry_state state = entry_state::open;
    bool credit_due = false;
    bool finished = false;   ///< the stream has said its last number
    bool starved = false;    ///< a message found no memory: its sender is still to be told
    bool unanswered = false; ///< something was discarded while its port was on its way
    leg_entry* due_next = nullptr;
    std::uint64_t next = 1;     ///< number expected
    std::uint64_t consumed = 0; ///< all up to it
    std::uint64_t last = 0;     ///< once finished
    std::uint64_t asked = 0;    ///< the number that a discard was answered with, until it comes
    std::uint64_t consumed_bytes = 0;
    std::uint64_t told_consumed = 0;  ///< in the last credit frame
    std::uint64_t limit_messages = 0; ///< granted; never shrinks
    std::uint64_t limit_bytes = 0;
    std::vector<std::uint64_t> ahead; ///< consumed out of order, sorted
};

} // namespace equus::detail

namespace equus::runtime {

/// Messages that the leg's sender may still have here by what it was granted.
inline std::uint64_t granted_to(const leg_entry& leg) noexcept {
    return leg.limit_messages > leg.consumed ? leg.limit_messages - leg.consumed : 0;
}

struct port_record {
    incarnation_record* owner = nullptr;
    std::uint32_t counter = 0; ///< among what its owner has named
    std::uint32_t slot = ~0u;
    const protocol_type* protocol = nullptr;
    const detail::handler* handlers = nullptr;
    fifo<envelope, &envelope::next> queue;
    std::uint32_t queued = 0;
    std::uint32_t queued_bytes = 0;
    std::uint32_t window_messages = 0; ///< of each stream; 0: the streams share `queue_max`
    bool ready : 1 = false;            ///< in its owner's list of ports to serve
    bool watched : 1 = false;          ///< its owner may be interested in it: events.cpp
    bool is_control : 1 = false;       ///< its messages are interrupts [K52]
    port_record* next_ready = nullptr;
    port_record* next_owned = nullptr;
    std::uint64_t consumed = 0;
    /// What a port has once somebody can send to it.
    struct attachments {
        std::vector<channel_id> channels;
        std::map<channel_id, node_boot> joined; ///< multicast ones: where their creator is
        std::map<stream_id, std::unique_ptr<leg_entry>> legs;
        std::uint32_t queue_max = 0;    ///< `limit NAME queue N`; 0: none
        std::uint32_t stream_max = ~0u; ///< of it, what one stream may have
        std::uint64_t granted = 0;      ///< of it: allowed to the streams together and not consumed
        std::map<stream_id, std::uint32_t> regulated; ///< versions of what clients were told
        std::vector<stream_id> refused;               ///< invalidated ones, the latest of them
    };
    std::unique_ptr<attachments> attached;

    inline port_id id() const noexcept;
    attachments& attach() {
        if (!attached)
            attached = std::make_unique<attachments>();
        return *attached;
    }
};

/// What a handle leads to: an incarnation, or a stream or port of one.
struct handle_record {
    incarnation_id id;
    place at;
    std::uint32_t counter = 0; ///< among what the incarnation has named
    std::uint64_t protocol = 0;
};

/// One entry of an incarnation's reference table. Trivially copyable.
struct reference_entry {
    reference_kind kind = reference_kind::none;
    propagation domain = propagation::free;
    std::uint32_t generation = 0;
    std::uint32_t rights = 0xffff'ffff;
    bool given_away = false; ///< it leaves with the next message that carries it
    bool reported = false;   ///< its owner is told when it is passed on [K41]
    bool followed = false;   ///< a handle of its next copy is wanted
    void* record = nullptr;  ///< null for a declared stream that is not wired
    const protocol_type* protocol = nullptr;
};

/// The references of an incarnation, by index. Those that its module declares lie in memory given
/// at the beginning; more of them in memory of its own.
class reference_table {
public:
    reference_table() noexcept = default;
    reference_table(const reference_table&) = delete;
    reference_table& operator=(const reference_table&) = delete;
    ~reference_table() {
        if (owned_)
            ::operator delete(entries_);
    }
    /// Requires: empty. `room` has space for `count` entries and outlives the table.
    void begin_in(void* room, std::size_t count) noexcept {
        entries_ = static_cast<reference_entry*>(room);
        capacity_ = static_cast<std::uint32_t>(count) & capacity_max;
    }
    std::size_t size() const noexcept { return size_; }
    reference_entry& operator[](std::size_t i) noexcept { return entries_[i]; }
    const reference_entry& operator[](std::size_t i) const noexcept { return entries_[i]; }
    void push_back(const reference_entry& entry) {
        if (size_ == capacity_)
            grow();
        new (entries_ + size_++) reference_entry(entry);
    }

private:
    static constexpr std::uint32_t capacity_max = 0x7fff'ffff;
    void grow() {
        const std::uint32_t wanted = capacity_ < 4 ? 4 : 2 * capacity_;
        auto* larger =
            static_cast<reference_entry*>(::operator new(wanted * sizeof(reference_entry)));
        for (std::uint32_t i = 0; i < size_; ++i)
            new (larger + i) reference_entry(entries_[i]);
        if (owned_)
            ::operator delete(entries_);
        entries_ = larger;
        capacity_ = wanted & capacity_max;
        owned_ = true;
    }

    reference_entry* entries_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ : 31 = 0;
    std::uint32_t owned_ : 1 = false;
};

/// Who is told of an incarnation's fate.
struct watcher {
    incarnation_id who; ///< empty: the kernel there, for those that depend on the subject
    node_boot at;
    event_kinds kinds = event_kind::terminated;
};

/// What an incarnation has that hears of events.
struct event_record {
    /// A handler, or with none an event that is kept for next_event.
    struct interest_record {
        interest what;
        incarnation_id subject; ///< of a handle
        interrupt_priority priority = 0;
        detail::event_handler handler;
        event_kinds kept; ///< those of a stream or port that wait to be taken
        bool news = true; ///< that a stream can be used would be some
    };
    /// A handler that has begun, and what it has interrupted.
    struct interrupt_frame {
        detail::promise_base* task = nullptr; ///< null: the message in hand is of the control port
        detail::promise_base* handling = nullptr;
        envelope* in_hand = nullptr;
        interrupt_priority priority = 0;
    };
    linked_list<operation, &operation::previous, &operation::next> hearers;
    fifo<detail::queued_event, &detail::queued_event::next> kept;
    fifo<detail::queued_event, &detail::queued_event::next> interrupts; ///< wait for their handlers
    std::uint32_t count = 0;                                            ///< in both
    std::uint32_t lost = 0; ///< since the last one that was taken
    interrupt_priority priority = 0;
    bool wants_members = false;
    std::vector<interest_record> interests;
    std::vector<interrupt_frame> begun;
    ~event_record();
};

/// What an incarnation has that others have given orders.
struct control_record {
    struct waiting_order {
        node_boot from;
        request_frame frame;
    };
    std::deque<waiting_order> orders; ///< the first is under way
    port_record* port = nullptr;      ///< the control port
    channel_id channel;               ///< of its streams, once there is one
    /// Those on whom it depends, besides its launch.
    struct bond {
        incarnation_id parent;
        dependency kind = dependency::absolute;
    };
    std::vector<bond> bonds;
    error fault{errc::ok};
};

/// What most incarnations never have, or only for the first moments of their lives.
struct seldom {
    std::string name;      ///< for people
    std::string waits_for; ///< its wiring, for people
    /// How its interfaces are to be wired; until they are.
    std::map<std::string, interface_binding, std::less<>> interfaces;
    std::map<std::string, reference, std::less<>> given; ///< what it was born with
    std::vector<watcher> watchers;
    error reason{errc::ok}; ///< of its end
    std::int32_t result = 0;
    std::uint32_t steps_high = 0; ///< of incarnation_record::steps
    std::uint32_t tasks = 0;      ///< beside its handler and its life
    std::unique_ptr<event_record> events;
    std::unique_ptr<control_record> control;

    bool is_empty() const noexcept {
        return name.empty() && waits_for.empty() && interfaces.empty() && given.empty() &&
               watchers.empty() && reason == errc::ok && result == 0 && steps_high == 0 &&
               tasks == 0 && !events && !control;
    }
};

/// A computation that incarnations of this node belong to.
struct launch_info {
    incarnation_id id;
    node_boot at;
    mutable std::uint32_t population = 0; ///< how many
};

/// Why an incarnation does not simply run: bits of incarnation_record::held.
namespace held {
inline constexpr std::uint8_t inchoate = 1;
inline constexpr std::uint8_t freezing = 2; ///< until its message in hand is done
inline constexpr std::uint8_t frozen = 4;
inline constexpr std::uint8_t faulting = 8;
inline constexpr std::uint8_t interrupted = 16; ///< or about to be
inline constexpr std::uint8_t resting = 32;     ///< begins nothing: it is to leave
inline constexpr std::uint8_t moving = 64;      ///< on its way: it is inert
inline constexpr std::uint8_t stopped = inchoate | frozen | faulting | moving;
} // namespace held

/// Lies behind its account, in one block with the object and its declared references.
struct incarnation_record : detail::incarnation_core {
    // The small members first: they fill the room that the core leaves.
    std::uint8_t held = 0;
    priority_level priority = priority_normal;
    bool serving : 1 = false; ///< messages reach the handlers
    bool ending : 1 = false;
    bool begun : 1 = false;           ///< its life
    bool bound_to_launch : 1 = false; ///< ends with it [K54]
    bool scheduled : 1 = false;
    std::uint8_t handler_looks : 3 = 0; ///< how often its suspended handler has been looked at
    incarnation_state state = incarnation_state::starting;
    kernel_impl* kernel = nullptr;
    incarnation_id id;
    std::uint32_t slot = ~0u;
    const module_type* module = nullptr;
    incarnation_record* next_scheduled = nullptr;
    fifo<operation, &operation::ready_next> ready;
    fifo<port_record, &port_record::next_ready> ready_ports;
    port_record* ports = nullptr;
    short_list<operation, &operation::previous, &operation::next> receivers;
    reference_table references;
    std::uint32_t free_reference = ~0u;       ///< index of the last one freed; they name each other
    std::uint32_t next_counter = 1;           ///< of its streams, ports, channels and calls
    detail::promise_base* life = nullptr;     ///< the task of wiring, start() and main()
    detail::promise_base* handling = nullptr; ///< the handler that runs on
    envelope* in_hand = nullptr;              ///< its message
    std::uint32_t calls_waiting = 0;
    std::uint32_t steps = 0;             ///< of its turns, the low half
    const launch_info* launch = nullptr; ///< whose it is
    std::unique_ptr<seldom> rest;

    /// The incarnation as its class knows it lies behind its record.
    static constexpr std::size_t bytes() noexcept {
        return (sizeof(incarnation_record) + 15) / 16 * 16;
    }
    void* object() noexcept { return reinterpret_cast<std::byte*>(this) + bytes(); }
    account& memory() noexcept { return *memory_pool::account_of(this); }
    std::uint32_t counter() noexcept { return next_counter++; }
    std::string_view name() const noexcept {
        return rest ? std::string_view{rest->name} : std::string_view{};
    }
    seldom& more() {
        if (!rest)
            rest = std::make_unique<seldom>();
        return *rest;
    }
    event_record& events() {
        seldom& at = more();
        if (!at.events)
            at.events = std::make_unique<event_record>();
        return *at.events;
    }
    control_record& control() {
        seldom& at = more();
        if (!at.control)
            at.control = std::make_unique<control_record>();
        return *at.control;
    }
};
static_assert(sizeof(void*) != 8 || sizeof(incarnation_record) <= 192);

inline port_id port_record::id() const noexcept {
    return {owner->id, counter};
}

/// A multicast or anycast channel, at its creator's node.
struct channel_record {
    channel_id id;
    channel_kind routing = channel_kind::multicast;
    std::uint64_t protocol = 0;
    std::uint32_t version = 1;
    std::vector<channel_member> members;
    struct follower : follow_channel_body {
        std::uint32_t known = 0; ///< the version that it is known to have
    };
    std::vector<follower> followers;
    /// Answered when all who followed then know of the new port.
    struct joining {
        node_boot from;
        std::uint64_t request = 0;
        std::uint32_t version = 0;
    };
    std::vector<joining> joins;
    /// The version that all who follow it are known to have.
    std::uint32_t known_by_all() const noexcept {
        std::uint32_t known = version;
        for (const follower& each : followers)
            known = known < each.known ? known : each.known;
        return known;
    }
};

} // namespace equus::runtime
