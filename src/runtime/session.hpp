// A session carries frames between two lives of two nodes: every frame once, in order within its
// lane, whole, over links that come, go, lose, duplicate and reorder. It ends when one of the lives
// is over, never because a link broke. It does no I/O and knows no time but what it is given.
//
// Packets. Reliability is per packet: a packet is built when it is first sent, numbered from 1,
// kept as bytes until the peer acknowledges it, and sent again as the same bytes with a fresh
// acknowledgement. The receiver delivers packets by number; those ahead of a gap are held (up to
// `session_reorder_max` numbers past it, the others are dropped: they come again), and duplicates
// are dropped and acknowledged at once.
//
// Lanes. Control frames go into the next packet that is built, before data frames, so a control
// frame waits for at most the packet that is being built. Within a lane order is kept; between the
// lanes there is none. Payloads are written straight into the packet; one that does not fit into a
// packet is cut into fragments when its turn comes, so that control frames pass between them.
//
// Links. Packets are accepted from any link. They are sent on one, the link in use: the preferred
// one while it is attached (set_preferred), otherwise the one attached last, because a peer that
// dials again knows that the older link is gone. Whenever the link in use changes, everything
// unacknowledged is sent again on the new one, in order, so that each ordered link by itself
// carries all that the peer lacks, and the acknowledgement is repeated. While one of the links
// attached is not ordered, a timer (retransmit_after, doubling to retransmit_max) sends the oldest
// packet again; once the peer answers, the others follow, twice as many as have arrived.
// A packet that three later ones have overtaken is sent again without waiting.
//
// Bounds. At most `session_packets_max` packets are under way; what is appended beyond waits here,
// bounded by the kernel's credit, never refused. A message is put together again in at most
// `frame_payload_max` bytes per lane.
#pragma once

#include "runtime/packet.hpp"
#include "runtime/packet_pool.hpp"

#include <equus/base/assert.hpp>
#include <equus/base/ids.hpp>
#include <equus/base/result.hpp>
#include <equus/base/time.hpp>
#include <equus/kernel/kernel.hpp>
#include <equus/kernel/limits.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace equus::runtime {

enum class lane : std::uint8_t { control, data };

struct session_counters {
    std::uint64_t packets_sent = 0;       ///< numbered ones, first time
    std::uint64_t packets_resent = 0;     ///< numbered ones, again
    std::uint64_t acknowledgements = 0;   ///< pure ones sent
    std::uint64_t packets_received = 0;   ///< numbered ones accepted: delivered or held
    std::uint64_t duplicates_dropped = 0; ///< packets that had arrived before
    std::uint64_t ahead_dropped = 0;      ///< packets too far ahead of a gap
    std::uint64_t refused = 0;            ///< packets for which receive() returned an error
};

class session {
public:
    /// `limits` and `pool` are borrowed and outlive the session. Silence counts from `now`.
    session(const kernel_limits& limits, packet_pool& pool, rdc_id run, node_boot self,
            node_boot peer, time_point now);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    node_boot self() const noexcept { return self_; }
    node_boot peer() const noexcept { return peer_; }

    // ---- frames out

    /// The largest payload of one frame: a message and its envelope.
    std::size_t frame_payload_max() const noexcept { return payload_max_; }

    /// Appends a frame and returns its payload for the caller to fill; it is valid until the next
    /// call of any function of this session. Requires payload_bytes <= frame_payload_max(), a kind
    /// that is not reserved, and a session that is not closed.
    std::span<std::byte> reserve(frame_kind kind, lane where, std::size_t payload_bytes,
                                 std::uint8_t flags = 0) {
        lane_state& l = lanes_[static_cast<std::size_t>(where)];
        packet_buffer* open = l.open;
        if (open == nullptr || open->limit - open->end < frame_header_bytes ||
            open->limit - open->end - frame_header_bytes < payload_bytes) [[unlikely]]
            return reserve_slow(kind, where, payload_bytes, flags);
        return append_to(*open, kind, where, payload_bytes, flags);
    }

    /// Appends a data frame whose payload is `head_bytes` bytes, returned for the caller to fill,
    /// and then `tail`, which lies in `block`: it is sent, and sent again, from there, and the
    /// block is kept until the peer has it. Requires multiples of 8 and head_bytes + tail.size() <=
    /// tail_frame_max().
    std::span<std::byte> reserve_with_tail(frame_kind kind, std::size_t head_bytes,
                                           std::span<const std::byte> tail, bulk_block& block);
    std::size_t tail_frame_max() const noexcept {
        return packet_max_ - packet_header_bytes - frame_header_bytes;
    }
    /// Nothing else waits to be sent, and what is appended now leaves at once.
    bool has_time_for_bulk() const noexcept {
        return in_use_ && !full_ && again_count_ == 0 && sent_last_ - acknowledged_ < window_ &&
               !lanes_[0].open && !lanes_[0].first && !lanes_[1].open && !lanes_[1].first;
    }

    /// How many frames were appended to the lane, and how many of these, counted from the first,
    /// the peer's kernel has been given for certain. `acknowledged >= an earlier reserved` is
    /// "flushed" [rule 5].
    std::uint64_t frames_reserved(lane where) const noexcept {
        return lanes_[static_cast<std::size_t>(where)].reserved;
    }
    std::uint64_t frames_acknowledged(lane where) const noexcept {
        return lanes_[static_cast<std::size_t>(where)].acknowledged;
    }
    std::uint64_t frames_unacknowledged() const noexcept;
    /// Nothing waits to be sent and nothing to be acknowledged.
    bool idle() const noexcept;

    // ---- packets in

    /// Takes a packet whose header was parsed from it, and calls `on_frame(const frame&)` for each
    /// frame that is now due, in order. The frame is valid during the call; its payload is
    /// 8-aligned if `packet` is. `on_frame` may call reserve() and close() on this session; it must
    /// not call receive() or destroy the session. Frames of packets with number 0 are not
    /// delivered: they are the caller's.
    ///
    /// Errors, after which nothing of the packet has been delivered: `no_such_node`: of another run
    /// or between other lives; `malformed`; `too_large`: fragments of a frame over the limit;
    /// `closed`.
    template <class F>
    result<void> receive(const packet_header& header, std::span<const std::byte> packet,
                         time_point now, F&& on_frame) {
        if (result<bool> due = accept(header, packet, now); !due)
            return fail(std::move(due).error());
        else if (!*due)
            return {};
        deliver(packet.subspan(packet_header_bytes), on_frame);
        return deliver_held(on_frame);
    }

    /// The next number that is due: what has it, and comes on an ordered link, will be taken.
    std::uint64_t due() const noexcept { return received_ + 1; }
    /// Takes a packet of one frame whose payload already lies where it belongs, as `receive` does:
    /// calls `on_placed()` if it is due, then `on_frame` for what was held behind it.
    template <class Placed, class F>
    result<void> receive_placed(const packet_header& header, std::size_t frames_bytes,
                                time_point now, Placed&& on_placed, F&& on_frame) {
        if (result<bool> due_now = accept_placed(header, frames_bytes, now); !due_now)
            return fail(std::move(due_now).error());
        else if (!*due_now)
            return {};
        on_placed();
        return deliver_held(on_frame);
    }

    // ---- links

    /// A link is up. Attaching a link twice is a mistake of the caller.
    void attach(link_id link, const link_traits& traits, time_point now);
    /// A link is down; unknown ones are ignored.
    void detach(link_id link, time_point now);
    /// Sends on `link` while it is attached, even if it is not yet.
    void set_preferred(link_id link, time_point now);
    /// The link in use has more to send than it can just now: no bulk meanwhile.
    void set_full(link_id link, bool full) noexcept {
        if (link == in_use_)
            full_ = full;
    }
    bool has_link() const noexcept { return static_cast<bool>(in_use_); }
    bool has_link(link_id link) const noexcept;
    /// Where packets are sent; 0: nowhere.
    link_id link_in_use() const noexcept { return in_use_; }

    // ---- packets out

    /// The next packet to put on a link: to be called until it returns false, after anything was
    /// appended or received, after a change of links, and at next_deadline(). `bytes` is valid
    /// until the next call of any function of this session.
    /// `tail`: what follows `bytes` in the packet, where it lies in a buffer.
    bool next_packet(time_point now, link_id& link, std::span<const std::byte>& bytes,
                     std::span<const std::byte>& tail);
    bool next_packet(time_point now, link_id& link, std::span<const std::byte>& bytes) {
        std::span<const std::byte> tail;
        const bool is_one = next_packet(now, link, bytes, tail);
        EQUUS_ASSERT(tail.empty());
        return is_one;
    }
    /// When to call next_packet again, once it has returned false and if nothing else happens.
    time_point next_deadline() const noexcept;
    /// A header for a packet outside of the sequence (a greeting), with what has arrived so far.
    packet_header greeting_header() const noexcept;

    // ---- state

    /// When the last packet of the peer's arrived, or the session began.
    time_point last_heard() const noexcept { return last_heard_; }
    const session_counters& counters() const noexcept { return counters_; }
    /// The end, on eviction or departure: drops everything, on both sides of it. Returns how many
    /// appended frames had not been acknowledged. Afterwards packets are refused and none is sent.
    std::uint64_t close() noexcept;
    bool closed() const noexcept { return closed_; }
    /// Empty, or what is broken.
    std::string check_invariants() const;

private:
    // A packet that was sent and is not acknowledged.
    struct sent_packet {
        packet_buffer* buffer = nullptr;
        time_point sent_at;
        bool arrived = false; // the peer holds it ahead of a gap
        bool again = false;   // to be sent again
        bool repeated = false;
    };
    // Payload being put together from fragments.
    struct assembly {
        packet_buffer* buffer = nullptr;
        std::uint32_t total = 0; // 0: none
        std::uint32_t received = 0;
        frame_kind kind{};
        std::uint8_t flags = 0;
    };
    struct lane_state {
        packet_buffer* open = nullptr;  // frames are appended to it
        packet_buffer* first = nullptr; // full ones, and oversize frames, in order
        packet_buffer* last = nullptr;
        std::uint32_t open_bytes = 0; // how large the next open buffer should be
        std::uint64_t reserved = 0;
        std::uint64_t acknowledged = 0;
        assembly incoming;
    };
    struct attached_link {
        link_id id;
        bool ordered = true;
    };

    std::span<std::byte> append_to(packet_buffer& open, frame_kind kind, lane where,
                                   std::size_t payload_bytes, std::uint8_t flags) {
        const auto index = static_cast<std::size_t>(where);
        ++open.frames[index];
        ++lanes_[index].reserved;
        std::byte* at = open.data + open.end;
        open.end += static_cast<std::uint32_t>(frame_bytes(payload_bytes));
        return write_frame(at, kind, flags, payload_bytes);
    }
    /// What was held behind a gap that is closed now.
    template <class F>
    result<void> deliver_held(F& on_frame) {
        while (packet_buffer* held = take_held()) {
            const std::span<const std::byte> frames = held->used();
            if (result<void> checked = check_frames(frames); !checked) {
                pool_.give(held);
                ++counters_.refused;
                return checked;
            }
            advance(frames.size());
            deliver(frames, on_frame);
            pool_.give(held);
        }
        return {};
    }
    template <class F>
    void deliver(std::span<const std::byte> frames, F& on_frame) {
        frame_reader reader{frames};
        for (frame next; !closed_ && reader.next(next);) {
            if (next.kind != frame_kind::fragment) [[likely]] {
                on_frame(static_cast<const frame&>(next));
            } else if (packet_buffer* whole = absorb_fragment(next)) {
                on_frame(static_cast<const frame&>(next));
                pool_.give(whole);
            }
        }
    }

    std::span<std::byte> reserve_slow(frame_kind kind, lane where, std::size_t payload_bytes,
                                      std::uint8_t flags);
    void append_waiting(lane_state& l, packet_buffer* buffer) noexcept;
    std::size_t frames_start(lane where) const noexcept;
    packet_buffer* open_buffer(lane where, std::size_t frames_bytes);

    result<bool> accept(const packet_header& header, std::span<const std::byte> packet,
                        time_point now);
    result<bool> accept_placed(const packet_header& header, std::size_t frames_bytes,
                               time_point now);
    result<bool> refuse(errc code, const char* text);
    result<void> check_frames(std::span<const std::byte> frames) const;
    void acknowledged_by_peer(std::uint64_t acknowledged, std::uint64_t ahead,
                              time_point now) noexcept;
    void repeat(std::uint64_t sequence) noexcept;
    void repeat_oldest(time_point now) noexcept;
    void repeat_following(std::uint64_t arrived, time_point now) noexcept;
    void repeat_overtaken(std::uint64_t ahead) noexcept;
    void advance(std::size_t frames_bytes) noexcept;
    bool is_held(std::uint64_t sequence) const noexcept;
    void hold(std::uint64_t sequence, std::span<const std::byte> frames);
    packet_buffer* take_held() noexcept;
    packet_buffer* absorb_fragment(frame& piece);

    packet_buffer* build_packet();
    packet_buffer* take_chunk(lane_state& l) noexcept;
    packet_buffer* cut_fragment(lane where, std::span<const std::byte> before);
    void choose_link(time_point now);
    void acknowledge_by(time_point when) noexcept;
    std::span<const std::byte> stamp(std::byte* packet, std::size_t packet_bytes) noexcept;
    sent_packet& sent_at(std::uint64_t sequence) noexcept {
        return sent_[static_cast<std::size_t>(sequence) & (sent_.size() - 1)];
    }
    packet_buffer*& held_at(std::uint64_t sequence) noexcept {
        return held_[static_cast<std::size_t>(sequence) & (held_.size() - 1)];
    }
    const sent_packet& sent_at(std::uint64_t sequence) const noexcept {
        return sent_[static_cast<std::size_t>(sequence) & (sent_.size() - 1)];
    }
    void remember_sent(packet_buffer* packet, time_point now);
    std::string check_outgoing() const;
    std::string check_incoming() const;

    const kernel_limits& limits_;
    packet_pool& pool_;
    rdc_id run_;
    node_boot self_;
    node_boot peer_;
    std::size_t packet_max_;
    std::size_t payload_max_;
    std::uint32_t window_;
    std::uint32_t reorder_max_;
    bool closed_ = false;

    // Outgoing. Packets (acknowledged_, sent_last_] are in the ring `sent_`, at their number modulo
    // its size, a power of two.
    std::array<lane_state, 2> lanes_;
    std::vector<sent_packet> sent_;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t sent_last_ = 0;
    std::uint64_t again_first_ = 1; // no packet before it is to be sent again
    std::uint32_t again_count_ = 0;
    time_point retransmit_at_ = time_point::never();
    duration retransmit_after_;
    // After a time-out: packets up to repeat_until_ may have been lost, those before repeat_next_
    // have been looked at, and repeat_allowance_ more may be sent again.
    std::uint64_t repeat_until_ = 0;
    std::uint64_t repeat_next_ = 0;
    std::uint64_t repeat_allowance_ = 0;

    // Incoming. Packets held ahead of the gap are at their number modulo session_reorder_max.
    std::uint64_t received_ = 0; // all packets up to it were delivered
    std::uint64_t ahead_ = 0;    // bit i: packet received_ + 1 + i is held
    std::vector<packet_buffer*> held_;
    std::uint32_t held_count_ = 0;
    std::uint32_t unanswered_packets_ = 0; // since the last acknowledgement left
    std::size_t unanswered_bytes_ = 0;
    time_point acknowledge_at_ = time_point::never();
    time_point last_heard_;

    std::vector<attached_link> links_; // in the order of their attachment
    link_id in_use_;
    link_id preferred_;
    bool lossy_ = false; // one of links_ is not ordered
    bool full_ = false;  // in_use_
    std::array<std::byte, packet_header_bytes> acknowledgement_{};
    session_counters counters_;
};

} // namespace equus::runtime
