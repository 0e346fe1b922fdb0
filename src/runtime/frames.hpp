// What two kernels say to each other: docs/protocol.md numbers and explains every kind. The frames
// of the hot path (message, reply, credit) have fixed headers written field by field; all others
// are aggregates in the wire codec, so that adding a field is adding a field.
#pragma once

#include "runtime/packet.hpp"

#include <equus/base/ids.hpp>
#include <equus/control.hpp>
#include <equus/core/bulk.hpp>
#include <equus/core/envelope.hpp>
#include <equus/creation.hpp>
#include <equus/port.hpp>
#include <equus/rights.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace equus::runtime {

namespace kind {
// ---- data lane
inline constexpr frame_kind message{0x01};
inline constexpr frame_kind reply{0x02};
inline constexpr frame_kind request{0x03};
inline constexpr frame_kind answer{0x04};
inline constexpr frame_kind event{0x05};
inline constexpr frame_kind cancel{0x06}; ///< the caller has given up
inline constexpr frame_kind dgram{0x07};  ///< a message that may be lost
inline constexpr frame_kind chunk{0x08};  ///< a piece of what was pulled
inline constexpr frame_kind early{0x09};  ///< a piece of bulk that leaves with its message
inline constexpr frame_kind put{0x0a};    ///< bytes for a buffer, or an offer of them
// ---- control lane
inline constexpr frame_kind credit{0x20};
inline constexpr frame_kind next{0x21};   ///< a discard answered: send again from this number
inline constexpr frame_kind moved{0x22};  ///< a discard answered: the identity is elsewhere
inline constexpr frame_kind finish{0x23}; ///< a stream has ended and says its last number
inline constexpr frame_kind broken{0x24}; ///< the receiving end is gone for good
inline constexpr frame_kind call_held{0x25};
inline constexpr frame_kind channel_members{0x26};
inline constexpr frame_kind members_known{0x27}; ///< a follower has heard of a channel's new port
inline constexpr frame_kind seek{0x28};          ///< which slot has that port? Answered by moved
inline constexpr frame_kind regulate{0x2a};      ///< a receiver freezes a stream, or lets it go on
inline constexpr frame_kind pull{0x2e};          ///< send me this, up to there
inline constexpr frame_kind stop_pull{0x2f};     ///< no more of it
inline constexpr frame_kind put_done{0x30};      ///< how a put has ended
inline constexpr frame_kind pull_refused{0x31};  ///< it cannot be sent, or not any further
inline constexpr frame_kind probe{0x32};         ///< is anybody there? Its arrival is the answer
// ---- membership
inline constexpr frame_kind greeting{0x40}; ///< first on a link; outside of the session
inline constexpr frame_kind welcome{
    0x41}; ///< the root's answer to one that asks to join; outside too
inline constexpr frame_kind refusal{0x42}; ///< the end of a link, with the reason; outside too
inline constexpr frame_kind view{0x43};
inline constexpr frame_kind renew{0x44};
inline constexpr frame_kind renewed{0x45};
inline constexpr frame_kind depart{0x46};
inline constexpr frame_kind run_ended{0x47};
} // namespace kind

/// Version of everything in this header and in packet.hpp.
inline constexpr std::uint32_t protocol_version = 1;

using equus::reference_kind;

struct bulk_source;
/// Keeps a node's record of some bulk alive, and with it the data.
class held_bulk {
public:
    held_bulk() noexcept = default;
    explicit held_bulk(bulk_source& source) noexcept;
    held_bulk(const held_bulk& other) noexcept;
    held_bulk(held_bulk&& other) noexcept : source_{other.source_} { other.source_ = nullptr; }
    held_bulk& operator=(held_bulk other) noexcept {
        bulk_source* mine = source_;
        source_ = other.source_;
        other.source_ = mine;
        return *this;
    }
    ~held_bulk() {
        if (source_)
            let_go();
    }
    bulk_source* get() const noexcept { return source_; }
    bulk_source* operator->() const noexcept { return source_; }
    explicit operator bool() const noexcept { return source_ != nullptr; }

private:
    void let_go() noexcept;
    bulk_source* source_ = nullptr;
};

} // namespace equus::runtime

namespace equus::detail {

/// A reference on its way: identity, hint, authority. What a capability pointer of a message leads
/// to.
struct capability {
    runtime::reference_kind kind = runtime::reference_kind::none;
    propagation domain = propagation::free;
    std::uint32_t rights = 0xffff'ffff;
    std::uint64_t protocol = 0; ///< of a stream or port
    channel_kind routing = channel_kind::unicast;
    channel_id channel;         ///< of a stream
    port_id port;               ///< of a unicast stream: its receiver, as last known
    incarnation_id incarnation; ///< of an incarnation handle; of others, whose it is
    place at;                   ///< hint: of the port, channel, incarnation or buffer
    /// Messages that a new stream may send before the port has said anything; 0: credit_initial.
    std::uint16_t credit_first = 0;
    std::uint32_t counter = 0;    ///< of a stream's, port's or buffer's handle: among its owner's
    bool reported = false;        ///< its owner is told when it is passed on [K41]
    std::uint64_t bulk_bytes = 0; ///< of a buffer or of bulk
    std::uint64_t bulk = 0;       ///< which bulk of the node `at`
    bool early = false;           ///< it leaves with its message
    std::uint64_t wanted = 0; ///< who passes a stream on wants a handle of the copy: its request
    EQUUS_FIELDS(kind, domain, rights, protocol, routing, channel, port, incarnation, at,
                 credit_first, counter, reported, bulk_bytes, bulk, early, wanted)

    node_boot wanted_by; ///< where that request waits, once a reply has come

    runtime::held_bulk held; ///< of bulk, on this node
};

} // namespace equus::detail

namespace equus::runtime {

using detail::capability;

/// The capabilities of a message or reply, between its header and its body.
struct capability_list {
    std::vector<capability> items;
    EQUUS_FIELDS(items)
};

/// Fixed header of `message`, before the capabilities and the body.
struct message_header {
    stream_id stream;
    std::uint32_t stream_slot = 0; ///< of the sending leg, where credit goes
    std::uint32_t port_slot = 0;
    std::uint32_t leg_slot = 0xffff'ffff; ///< of the receiving cursor, once known
    std::uint32_t rebinds = 0;
    channel_id channel;
    std::uint64_t number = 0;
    message_ordinal ordinal = 0;
    std::uint8_t flags = 0;
    std::uint8_t capability_count = 0;
    std::uint32_t body_bytes = 0;
    std::uint32_t capability_bytes = 0;
    // of an invocation
    call_id call;
    node_boot caller;
    std::uint32_t call_slot = 0;
    std::uint32_t forwards = 0;
    std::int64_t timeout_ns = 0;
    std::uint32_t proof = 0; ///< that the message was seen; shown again by who answers it

    static constexpr std::uint8_t is_call = 1;
    static constexpr std::uint8_t maybe_seen = 2;
    static constexpr std::size_t plain_bytes = 72;
    static constexpr std::size_t call_bytes = plain_bytes + 40;
    std::size_t bytes() const noexcept { return flags & is_call ? call_bytes : plain_bytes; }
};
void store(const message_header& header, std::byte* to) noexcept;
/// Writes another destination into a frame that was stored.
void readdress(std::byte* frame, std::uint32_t port_slot, std::uint32_t leg_slot) noexcept;
/// False when the frame is too short or its lengths do not add up.
bool load(message_header& header, std::span<const std::byte> frame) noexcept;

/// Fixed header of `reply`, before the error_chain, the capabilities and the body.
struct reply_header {
    call_id call;
    std::uint32_t call_slot = 0;
    errc status = errc::ok;
    std::uint16_t capability_count = 0;
    std::uint32_t text_bytes = 0;
    std::uint32_t capability_bytes = 0;
    std::uint32_t body_bytes = 0;
    std::uint32_t proof = 0; ///< as the invocation had it
    static constexpr std::size_t fixed_bytes = 40;
};
void store(const reply_header& header, std::byte* to) noexcept;
bool load(reply_header& header, std::span<const std::byte> frame) noexcept;

/// `credit`: what a receiver has consumed and how far the sender may go. Limits are absolute (rule
/// 17).
struct credit_header {
    stream_id stream;
    std::uint32_t stream_slot = 0;
    std::uint32_t leg_slot = 0;
    std::uint64_t consumed = 0;
    std::uint64_t limit_messages = 0;
    std::uint64_t limit_bytes = 0;
    static constexpr std::size_t fixed_bytes = 48;
};
void store(const credit_header& header, std::byte* to) noexcept;
bool load(credit_header& header, std::span<const std::byte> frame) noexcept;

// ---- frames in the codec

struct next_frame {
    stream_id stream;
    std::uint32_t stream_slot = 0;
    std::uint64_t next = 0;
    EQUUS_FIELDS(stream, stream_slot, next)
};

/// Which identity has moved; its own epoch says whether this is news (rule 8).
enum class moved_identity : std::uint16_t {
    stream_binding = 0,
    port = 1,
    channel = 2,
    incarnation = 3
};
struct moved_frame {
    moved_identity what = moved_identity::port;
    stream_id stream;
    std::uint32_t stream_slot = 0; ///< of the leg, at the node that is told
    port_id port;
    channel_id channel;
    incarnation_id incarnation; ///< who has moved, and it with it
    place to;                   ///< slot ~0: not known
    std::uint64_t next = 0;
    EQUUS_FIELDS(what, stream, stream_slot, port, channel, incarnation, to, next)
};

/// From who knows at which node a port is, and not where there.
struct seek_frame {
    stream_id stream;
    std::uint32_t stream_slot = 0;
    port_id port;
    EQUUS_FIELDS(stream, stream_slot, port)
};

struct finish_frame {
    stream_id stream;
    channel_id channel;
    std::uint32_t port_slot = 0;
    std::uint32_t leg_slot = 0;
    std::uint64_t last = 0;
    port_id port; ///< of one that is passed on to where its port went
    EQUUS_FIELDS(stream, channel, port_slot, leg_slot, last, port)
};

struct broken_frame {
    stream_id stream;
    std::uint32_t stream_slot = 0;
    std::uint64_t consumed = 0;
    errc reason = errc::broken;
    /// The whole channel is gone: `stream_slot` is that of a stream that follows it, not of a leg.
    bool whole_channel = false;
    EQUUS_FIELDS(stream, stream_slot, consumed, reason, whole_channel)
};

/// What a receiver does to one of its clients; of two the one with the higher version counts.
struct regulate_frame {
    stream_id stream;
    std::uint32_t stream_slot = 0;
    regulation what = regulation::freeze;
    std::uint32_t version = 0;
    EQUUS_FIELDS(stream, stream_slot, what, version)
};
/// The same by a handle, which names the owner of the stream.
struct regulate_body {
    std::uint32_t stream = 0; ///< its counter
    regulation what = regulation::freeze;
    EQUUS_FIELDS(stream, what)
};

/// Where an incarnation is, as the register has it.
struct whereabouts_body {
    node_boot at;
    epoch age;
    EQUUS_FIELDS(at, age)
};

struct call_held_frame {
    call_id call;
    std::uint32_t call_slot = 0;
    node_boot holder;
    std::uint32_t forwards = 0; ///< the holder after more of them is the present one
    std::uint32_t proof = 0;    ///< as the invocation had it
    EQUUS_FIELDS(call, call_slot, holder, forwards, proof)
};

struct cancel_frame {
    call_id call;
    EQUUS_FIELDS(call)
};

struct request_frame {
    std::uint64_t id = 0;
    detail::request_kind kind = detail::request_kind::status;
    incarnation_id asker;
    incarnation_id subject;
    std::uint32_t subject_slot = 0;
    incarnation_id launch;
    node_boot launch_at;
    std::vector<capability> capabilities;
    bytes body;
    EQUUS_FIELDS(id, kind, asker, subject, subject_slot, launch, launch_at, capabilities, body)
};

/// One error of a chain, and what was being done.
struct error_link {
    errc code = errc::ok;
    std::string text;
    EQUUS_FIELDS(code, text)
};
/// An error with its causes, outermost first: what the text of a reply is.
struct error_chain {
    static constexpr std::size_t links_max = 16;
    static constexpr std::size_t text_bytes_max = 4096; ///< of one link; the rest is cut off
    std::vector<error_link> links;
    EQUUS_FIELDS(links)
};
error_chain chain_of(const error& whole);
/// The error again; `code` alone when the chain is empty.
error error_of(errc code, const std::vector<error_link>& links);

struct answer_frame {
    std::uint64_t id = 0;
    errc status = errc::ok;
    std::string text;
    std::vector<capability> capabilities;
    bytes body;
    std::vector<error_link> causes; ///< when there is any: the whole chain, `text` with it
    /// Nothing has been done: it is there, and to be asked there.
    incarnation_id moved;
    node_boot moved_to;
    epoch moved_age;
    EQUUS_FIELDS(id, status, text, capabilities, body, causes, moved, moved_to, moved_age)
};

/// Wants nothing but to be acknowledged by the session.
struct probe_frame {
    std::uint32_t silent_ms = 0; ///< for how long nothing was heard
    EQUUS_FIELDS(silent_ms)
};

struct event_frame {
    incarnation_id to; ///< empty: the kernel itself, for its dependents
    event what;
    bool passed_on = false; ///< by a node where `to` has been
    EQUUS_FIELDS(to, what, passed_on)
};

struct channel_member {
    port_id port;
    place at;
    std::uint16_t credit_first = 0; ///< as in a capability
    friend bool operator==(const channel_member&, const channel_member&) = default;
    EQUUS_FIELDS(port, at, credit_first)
};
/// The ports of a multicast or anycast channel, to each stream that is bound to it.
struct channel_members_frame {
    channel_id channel;
    stream_id stream;
    std::uint32_t stream_slot = 0;
    std::uint32_t version = 0;
    std::vector<channel_member> members;
    bool asks = false; ///< who joins waits until it is known
    EQUUS_FIELDS(channel, stream, stream_slot, version, members, asks)
};
struct members_known_frame {
    channel_id channel;
    stream_id stream;
    std::uint32_t version = 0;
    bool ended = false; ///< the stream: it follows the channel no more
    EQUUS_FIELDS(channel, stream, version, ended)
};
struct join_channel_body {
    channel_id channel;
    channel_member member;
    bool until_known = false; ///< answered when all who send to the channel know of the port
    EQUUS_FIELDS(channel, member, until_known)
};
struct follow_channel_body {
    channel_id channel;
    stream_id stream;
    std::uint32_t stream_slot = 0;
    node_boot at;
    EQUUS_FIELDS(channel, stream, stream_slot, at)
};
struct watch_body {
    bool for_dependents = false; ///< the watcher is a kernel, for those that depend on the subject
    std::uint16_t kinds = event_kinds{event_kind::terminated}.bits();
    EQUUS_FIELDS(for_dependents, kinds)
};
struct unfreeze_body {
    std::uint8_t priority = detail::same_priority;
    EQUUS_FIELDS(priority)
};
struct open_control_body {
    std::uint64_t protocol = 0;
    EQUUS_FIELDS(protocol)
};
struct depend_body {
    dependency kind = dependency::absolute;
    incarnation_id parent;
    node_boot parent_at;
    EQUUS_FIELDS(kind, parent, parent_at)
};

// ---- buffers and bulk

/// Fixed header of `chunk` and `early`, before their bytes: the pull or the bulk, and where in it
/// they begin. Bytes that do not fill a word at their end may stand in the header instead: what
/// follows it then lies in whole words, and is sent from where it is.
struct chunk_header {
    std::uint64_t id = 0;
    std::uint64_t position = 0;
    std::byte odd[7]{};
    std::uint8_t odd_count = 0;
    static constexpr std::size_t fixed_bytes = 24;
};
void store(const chunk_header& header, std::byte* to) noexcept;
bool load(chunk_header& header, std::span<const std::byte> frame) noexcept;

enum class pull_what : std::uint16_t {
    more = 0,   ///< the limit of a pull that was asked for before
    buffer = 1, ///< parts of a buffer
    bulk = 2,   ///< of a message or reply
    offer = 3,  ///< of a put
};
struct pull_frame {
    std::uint64_t id = 0; ///< given by who pulls
    pull_what what = pull_what::more;
    buffer_id buffer;
    std::uint32_t slot = 0;
    std::uint64_t source = 0; ///< the bulk, or the put
    layout parts;
    std::uint64_t from = 0; ///< of bulk: what is before it has arrived
    std::uint64_t upto = 0; ///< absolute, never shrinks (rule 17)
    EQUUS_FIELDS(id, what, buffer, slot, source, parts, from, upto)
};
/// Before the bytes of a `put`, or instead of them: then they are to be pulled.
struct put_frame {
    std::uint64_t id = 0; ///< given by who writes
    buffer_id buffer;
    std::uint32_t slot = 0;
    layout parts;
    bool offered = false;
    EQUUS_FIELDS(id, buffer, slot, parts, offered)
};
/// The end of a pull or a put, either way; of bulk that nobody needs any more.
struct copy_end_frame {
    std::uint64_t id = 0;
    errc status = errc::ok;
    std::string text;
    bool is_bulk = false; ///< `id` is that of bulk in a reply
    EQUUS_FIELDS(id, status, text, is_bulk)
};

// ---- membership

struct greeting_frame {
    std::uint32_t version = protocol_version;
    std::uint64_t instance = 0;
    member_info self; ///< `at` is empty in one that has not joined
    view_version view;
    bool known = false; ///< the receiver has been heard on this link: no answer is wanted
    EQUUS_FIELDS(version, instance, self, view, known)
};
struct welcome_frame {
    std::uint64_t instance = 0;
    node_boot you;
    view_version view;
    std::vector<member_info> members;
    EQUUS_FIELDS(instance, you, view, members)
};
struct refusal_frame {
    errc reason = errc::refused;
    std::string text;
    EQUUS_FIELDS(reason, text)
};
enum class view_change : std::uint16_t { joined = 0, left = 1, evicted = 2, silent = 3, heard = 4 };
/// Where the register of ownership says that an incarnation is, which has moved.
struct relocated {
    incarnation_id who;
    node_boot at;
    epoch age;
    EQUUS_FIELDS(who, at, age)
};
/// One numbered write of the membership register.
struct view_frame {
    view_version version;
    view_change change = view_change::joined;
    member_info member;
    /// Of one that is gone: those that had been there and are elsewhere now. What else was there is
    /// gone with it.
    std::vector<relocated> elsewhere;
    EQUUS_FIELDS(version, change, member, elsewhere)
};
struct renew_frame {
    std::int64_t sent_ns = 0; ///< on the member's own clock; comes back
    EQUUS_FIELDS(sent_ns)
};
struct ended_frame {
    errc reason = errc::ok;
    std::string text;
    EQUUS_FIELDS(reason, text)
};

} // namespace equus::runtime
