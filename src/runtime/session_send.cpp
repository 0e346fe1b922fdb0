// The sending half of a session: frames into packets, packets onto the link in use, and those that
// the peer lacks once more.
#include "runtime/session.hpp"

#include <equus/kernel/mutants.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace equus::runtime {

namespace {

/// Room before the data frames of an open packet, into which waiting control frames are copied when
/// the packet leaves: one packet instead of two. The first data payload then stands at 512.
constexpr std::size_t control_room = 448;
/// A packet that so many later ones have overtaken is taken for lost.
constexpr int overtaken_max = 3;

} // namespace

// ---- frames out

std::size_t session::frames_start(lane where) const noexcept {
    return packet_header_bytes + (where == lane::data ? control_room : 0);
}

void session::append_waiting(lane_state& l, packet_buffer* buffer) noexcept {
    buffer->next = nullptr;
    (l.first == nullptr ? l.first : l.last->next) = buffer;
    l.last = buffer;
}

packet_buffer* session::open_buffer(lane where, std::size_t frames_bytes) {
    const std::size_t start = frames_start(where);
    const std::size_t limit = start + packet_max_ - packet_header_bytes;
    packet_buffer* open = pool_.take(std::min(limit, start + frames_bytes));
    open->begin = open->end = static_cast<std::uint32_t>(start);
    open->limit = static_cast<std::uint32_t>(std::min<std::size_t>(limit, open->capacity));
    return open;
}

std::span<std::byte> session::reserve_slow(frame_kind kind, lane where, std::size_t payload_bytes,
                                           std::uint8_t flags) {
    EQUUS_ASSERT(!closed_);
    EQUUS_ASSERT(!reserved_for_session(kind));
    EQUUS_ASSERT(payload_bytes <= payload_max_);
    lane_state& l = lanes_[static_cast<std::size_t>(where)];
    const std::size_t needed = frame_bytes(payload_bytes);
    const std::size_t frames_max = packet_max_ - packet_header_bytes;
    if (l.open != nullptr) {
        const std::size_t used = l.open->end - l.open->begin;
        if (used + needed <= frames_max) {
            // The packet outgrows its buffer, which was chosen by the size of the last packet.
            packet_buffer* larger = open_buffer(where, std::max(2 * used, used + needed));
            std::memcpy(larger->data + larger->begin, l.open->data + l.open->begin, used);
            larger->end += static_cast<std::uint32_t>(used);
            larger->frames = l.open->frames;
            pool_.give(std::exchange(l.open, larger));
        } else {
            append_waiting(l, std::exchange(l.open, nullptr));
            l.open_bytes = static_cast<std::uint32_t>(frames_max);
        }
    }
    if (needed > frames_max) {
        packet_buffer* whole = pool_.take(payload_bytes);
        whole->end = static_cast<std::uint32_t>(payload_bytes);
        whole->kind = kind;
        whole->flags = flags;
        whole->oversize = true;
        ++l.reserved;
        append_waiting(l, whole);
        return {whole->data, payload_bytes};
    }
    if (l.open == nullptr)
        l.open = open_buffer(where, std::max<std::size_t>(needed, l.open_bytes));
    return append_to(*l.open, kind, where, payload_bytes, flags);
}

std::span<std::byte> session::reserve_with_tail(frame_kind kind, std::size_t head_bytes,
                                                std::span<const std::byte> tail,
                                                bulk_block& block) {
    EQUUS_ASSERT(!closed_ && head_bytes % 8 == 0 && tail.size() % 8 == 0);
    EQUUS_ASSERT(head_bytes + tail.size() <= tail_frame_max());
    lane_state& l = lanes_[static_cast<std::size_t>(lane::data)];
    const std::size_t needed = frame_header_bytes + head_bytes;
    if (l.open != nullptr &&
        l.open->size() + needed + tail.size() > packet_max_ - packet_header_bytes)
        append_waiting(l, std::exchange(l.open, nullptr));
    if (l.open == nullptr) {
        l.open = open_buffer(lane::data, needed);
    } else if (l.open->capacity - l.open->end < needed) {
        const std::size_t used = l.open->end - l.open->begin;
        packet_buffer* larger = open_buffer(lane::data, used + needed);
        std::memcpy(larger->data + larger->begin, l.open->data + l.open->begin, used);
        larger->end += static_cast<std::uint32_t>(used);
        larger->frames = l.open->frames;
        pool_.give(std::exchange(l.open, larger));
    }
    // The tail is the end of its packet.
    packet_buffer& open = *std::exchange(l.open, nullptr);
    ++open.frames[static_cast<std::size_t>(lane::data)];
    ++l.reserved;
    std::byte* at = open.data + open.end;
    store_little_endian(
        at, static_cast<std::uint64_t>(static_cast<std::uint32_t>(head_bytes + tail.size())) |
                static_cast<std::uint64_t>(kind) << 32);
    open.end += static_cast<std::uint32_t>(needed);
    open.tail = tail.data();
    open.tail_bytes = static_cast<std::uint32_t>(tail.size());
    open.tail_of = &block;
    keep(block);
    append_waiting(l, &open);
    return {at + frame_header_bytes, head_bytes};
}

// ---- packets out

packet_buffer* session::take_chunk(lane_state& l) noexcept {
    if (l.first != nullptr)
        return std::exchange(l.first, l.first->next);
    packet_buffer* chunk = std::exchange(l.open, nullptr);
    // The next packet will be about as large; a single small one among large ones says little.
    l.open_bytes = std::max(chunk->end - chunk->begin, l.open_bytes / 2);
    return chunk;
}

packet_buffer* session::cut_fragment(lane where, std::span<const std::byte> before) {
    lane_state& l = lanes_[static_cast<std::size_t>(where)];
    packet_buffer* whole = l.first;
    const bool first = whole->begin == 0;
    const std::size_t prefix = first ? fragment_prefix_bytes : 0;
    const std::size_t used = packet_header_bytes + before.size();
    const std::size_t piece = std::min<std::size_t>(
        whole->end - whole->begin, packet_max_ - used - frame_header_bytes - prefix);
    packet_buffer* packet = pool_.take(used + frame_bytes(prefix + piece));
    packet->begin = static_cast<std::uint32_t>(packet_header_bytes);
    packet->end = static_cast<std::uint32_t>(used + frame_bytes(prefix + piece));
    if (!before.empty())
        std::memcpy(packet->data + packet->begin, before.data(), before.size());
    const auto fragment_flags =
        static_cast<std::uint8_t>(static_cast<unsigned>(where) | (first ? fragment_is_first : 0u));
    std::byte* payload =
        write_frame(packet->data + used, frame_kind::fragment, fragment_flags, prefix + piece)
            .data();
    if (first) {
        store_little_endian(payload, whole->end);
        store_little_endian(payload + 4, static_cast<std::uint32_t>(whole->kind) |
                                             static_cast<std::uint32_t>(whole->flags) << 8);
    }
    std::memcpy(payload + prefix, whole->data + whole->begin, piece);
    whole->begin += static_cast<std::uint32_t>(piece);
    if (whole->begin == whole->end) {
        packet->frames[static_cast<std::size_t>(where)] = 1;
        l.first = whole->next;
        pool_.give(whole);
    }
    return packet;
}

packet_buffer* session::build_packet() {
    lane_state& control = lanes_[static_cast<std::size_t>(lane::control)];
    lane_state& data = lanes_[static_cast<std::size_t>(lane::data)];
    if (control.first != nullptr)
        return control.first->oversize ? cut_fragment(lane::control, {}) : take_chunk(control);
    const packet_buffer* next = data.first != nullptr ? data.first : data.open;
    if (next == nullptr)
        return control.open != nullptr ? take_chunk(control) : nullptr;
    std::span<const std::byte> before;
    if (control.open != nullptr)
        before = control.open->used();
    const std::size_t room = packet_max_ - packet_header_bytes;
    const bool fits = before.size() <= control_room &&
                      before.size() + (next->oversize ? room / 2 : next->size()) <= room;
    if (!fits)
        return take_chunk(control);
    packet_buffer* packet = nullptr;
    if (next->oversize) {
        packet = cut_fragment(lane::data, before);
    } else {
        packet = take_chunk(data);
        packet->begin -= static_cast<std::uint32_t>(before.size());
        if (!before.empty())
            std::memcpy(packet->data + packet->begin, before.data(), before.size());
    }
    if (packet_buffer* joined = std::exchange(control.open, nullptr)) {
        packet->frames[0] += joined->frames[0];
        pool_.give(joined);
    }
    return packet;
}

void session::remember_sent(packet_buffer* packet, time_point now) {
    if (sent_last_ - acknowledged_ == sent_.size()) {
        std::vector<sent_packet> larger(std::max<std::size_t>(8, 2 * sent_.size()));
        for (std::uint64_t n = acknowledged_ + 1; n <= sent_last_; ++n)
            larger[static_cast<std::size_t>(n) & (larger.size() - 1)] = sent_at(n);
        sent_ = std::move(larger);
    }
    ++sent_last_;
    sent_at(sent_last_) = {.buffer = packet, .sent_at = now};
    packet->begin -= static_cast<std::uint32_t>(packet_header_bytes);
    encode_header({.run = run_, .from = self_, .to = peer_, .sequence = sent_last_},
                  packet->data + packet->begin);
}

std::span<const std::byte> session::stamp(std::byte* packet, std::size_t packet_bytes) noexcept {
    refresh_acknowledgement(packet, received_, ahead_);
    unanswered_packets_ = 0;
    unanswered_bytes_ = 0;
    acknowledge_at_ = time_point::never();
    return {packet, packet_bytes};
}

bool session::next_packet(time_point now, link_id& link, std::span<const std::byte>& bytes,
                          std::span<const std::byte>& tail) {
    tail = {};
    if (!in_use_)
        return false;
    if (now >= retransmit_at_)
        repeat_oldest(now);
    link = in_use_;
    sent_packet* next = nullptr;
    if (again_count_ != 0) {
        while (!sent_at(again_first_).again)
            ++again_first_;
        next = &sent_at(again_first_++);
        next->again = false;
        next->repeated = true;
        next->sent_at = now;
        --again_count_;
        ++counters_.packets_resent;
    } else if (sent_last_ - acknowledged_ < window_) {
        if (packet_buffer* packet = build_packet()) {
            remember_sent(packet, now);
            next = &sent_at(sent_last_);
            ++counters_.packets_sent;
        }
    }
    if (next != nullptr) {
        if (retransmit_at_ == time_point::never() && lossy_)
            retransmit_at_ = deadline_after(now, retransmit_after_);
        const packet_buffer& packet = *next->buffer;
        bytes = stamp(packet.data + packet.begin, packet.end - packet.begin);
        tail = {packet.tail, packet.tail_bytes};
        return true;
    }
    if (now < acknowledge_at_)
        return false;
    encode_header(greeting_header(), acknowledgement_.data());
    bytes = stamp(acknowledgement_.data(), acknowledgement_.size());
    ++counters_.acknowledgements;
    return true;
}

time_point session::next_deadline() const noexcept {
    if (!in_use_)
        return time_point::never();
    return std::min(retransmit_at_, acknowledge_at_);
}

packet_header session::greeting_header() const noexcept {
    return {.run = run_, .from = self_, .to = peer_, .acknowledged = received_, .ahead = ahead_};
}

void session::acknowledge_by(time_point when) noexcept {
    acknowledge_at_ = std::min(acknowledge_at_, when);
}

// ---- what is sent again

void session::repeat(std::uint64_t sequence) noexcept {
    sent_packet& sent = sent_at(sequence);
    if (sent.again || sent.arrived)
        return;
    sent.again = true;
    ++again_count_;
    again_first_ = std::min(again_first_, sequence);
}

void session::repeat_oldest(time_point now) noexcept {
    EQUUS_SOMETIMES(session_timed_out);
    if (!EQUUS_MUTANT(session_forgets_lost_packets))
        repeat(acknowledged_ + 1);
    retransmit_after_ = std::min(2 * retransmit_after_, limits_.retransmit_max);
    retransmit_at_ = deadline_after(now, retransmit_after_);
    repeat_until_ = sent_last_;
    repeat_next_ = acknowledged_ + 2;
    repeat_allowance_ = 0;
}

// After a time-out the peer has answered: what was sent before and is missing follows, twice as
// much as has just arrived, so that a link that is back is not flooded at once.
void session::repeat_following(std::uint64_t arrived, time_point now) noexcept {
    if (acknowledged_ >= repeat_until_)
        return;
    repeat_allowance_ += 2 * arrived;
    repeat_next_ = std::max(repeat_next_, acknowledged_ + 1);
    for (; repeat_allowance_ != 0 && repeat_next_ <= repeat_until_; ++repeat_next_) {
        const sent_packet& sent = sent_at(repeat_next_);
        // One that left a moment ago may still be on its way.
        if (sent.arrived || sent.again || now - sent.sent_at < limits_.retransmit_after)
            continue;
        repeat(repeat_next_);
        --repeat_allowance_;
    }
}

void session::repeat_overtaken(std::uint64_t ahead) noexcept {
    int later = 0;
    for (int bit = 63 - std::countl_zero(ahead); bit >= 0; --bit) {
        const std::uint64_t sequence = acknowledged_ + 1 + static_cast<std::uint64_t>(bit);
        if ((ahead >> bit & 1) != 0)
            ++later;
        else if (later >= overtaken_max && !sent_at(sequence).repeated) {
            EQUUS_SOMETIMES(session_overtaken);
            repeat(sequence);
        }
    }
}

void session::acknowledged_by_peer(std::uint64_t acknowledged, std::uint64_t ahead,
                                   time_point now) noexcept {
    if (acknowledged < acknowledged_)
        return;
    const bool progress = acknowledged > acknowledged_;
    std::uint64_t arrived = 0;
    while (acknowledged_ < acknowledged) {
        sent_packet& sent = sent_at(++acknowledged_);
        again_count_ -= sent.again ? 1 : 0;
        arrived += sent.arrived ? 0 : 1;
        for (std::size_t l = 0; l < lanes_.size(); ++l)
            lanes_[l].acknowledged += sent.buffer->frames[l];
        pool_.give(sent.buffer);
        sent = {};
    }
    again_first_ = std::max(again_first_, acknowledged_ + 1);
    // Bit 0 is the gap itself, and nothing beyond sent_last_ can have arrived.
    const std::uint64_t under_way = sent_last_ - acknowledged_;
    ahead &= ~std::uint64_t{1};
    if (under_way < 64)
        ahead &= (std::uint64_t{1} << under_way) - 1;
    for (std::uint64_t bits = ahead; bits != 0; bits &= bits - 1) {
        sent_packet& sent =
            sent_at(acknowledged_ + 1 + static_cast<std::uint64_t>(std::countr_zero(bits)));
        arrived += sent.arrived ? 0 : 1;
        again_count_ -= sent.again ? 1 : 0;
        sent.again = false;
        sent.arrived = true;
    }
    if (progress) {
        retransmit_after_ = limits_.retransmit_after;
        retransmit_at_ =
            lossy_ && under_way != 0 ? deadline_after(now, retransmit_after_) : time_point::never();
    }
    if (lossy_ && arrived != 0) {
        repeat_overtaken(ahead);
        repeat_following(arrived, now);
    }
}

} // namespace equus::runtime
