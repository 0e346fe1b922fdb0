// The receiving half of a session: which packets are taken, and frames put together from fragments.
#include "runtime/session.hpp"

#include <equus/kernel/mutants.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace equus::runtime {

namespace {

/// Acknowledge at least once in so many full packets: the sender's buffers then stay few, and warm.
constexpr std::size_t unanswered_full_packets = 4;
/// How much larger than what has arrived a buffer for fragments is made.
constexpr std::uint64_t assembly_growth = 16;

} // namespace

result<bool> session::refuse(errc code, const char* text) {
    ++counters_.refused;
    return fail(code, text);
}

result<void> session::check_frames(std::span<const std::byte> frames) const {
    struct progress {
        std::uint64_t total, received;
    };
    std::array<progress, 2> whole{};
    for (std::size_t l = 0; l < lanes_.size(); ++l)
        whole[l] = {lanes_[l].incoming.total, lanes_[l].incoming.received};
    frame_reader reader{frames};
    for (frame next; reader.next(next);) {
        if (next.kind != frame_kind::fragment) {
            if (reserved_for_session(next.kind))
                return fail(errc::malformed, "frame of an unknown kind of the session's");
            continue;
        }
        if ((next.flags & ~(fragment_lane | fragment_is_first)) != 0)
            return fail(errc::malformed, "fragment: unknown flag");
        progress& now = whole[next.flags & fragment_lane];
        std::size_t piece = next.payload.size();
        if ((next.flags & fragment_is_first) != 0) {
            if (now.total != 0 || piece <= fragment_prefix_bytes)
                return fail(errc::malformed, "fragment: a first one out of place");
            const std::byte* prefix = next.payload.data();
            now = {load_little_endian<std::uint32_t>(prefix), 0};
            const auto inner = load_little_endian<std::uint32_t>(prefix + 4);
            if (inner >> 16 != 0 ||
                reserved_for_session(static_cast<frame_kind>(static_cast<std::uint8_t>(inner))))
                return fail(errc::malformed, "fragment: of a frame of a reserved kind");
            if (now.total > payload_max_)
                return fail(errc::too_large, "fragment: message over message_bytes_max");
            piece -= fragment_prefix_bytes;
        } else if (now.total == 0 || piece == 0) {
            return fail(errc::malformed, "fragment: a later one without the first");
        }
        now.received += piece;
        if (now.received > now.total)
            return fail(errc::malformed, "fragment: more than announced");
        if (now.received == now.total)
            now = {};
    }
    if (reader.malformed())
        return fail(errc::malformed, "frame longer than its packet");
    return {};
}

result<bool> session::accept(const packet_header& header, std::span<const std::byte> packet,
                             time_point now) {
    if (closed_)
        return refuse(errc::closed, "session closed");
    if (header.run != run_ || header.from != peer_ || header.to != self_)
        return refuse(errc::no_such_node, "packet of another run or between other lives");
    if (header.acknowledged > sent_last_)
        return refuse(errc::malformed, "packet acknowledges what was never sent");
    if (packet.size() < packet_header_bytes)
        return refuse(errc::malformed, "packet shorter than its header");
    const std::span<const std::byte> frames = packet.subspan(packet_header_bytes);
    if (EQUUS_MUTANT(session_delivers_duplicates) && header.sequence != 0 &&
        header.sequence == received_ && check_frames(frames))
        return true;
    if (EQUUS_MUTANT(session_skips_gaps) && header.sequence > received_ && held_count_ == 0 &&
        check_frames(frames))
        received_ = header.sequence - 1;
    const bool fresh = header.sequence > received_ && !is_held(header.sequence);
    const std::uint64_t gap = fresh ? header.sequence - received_ - 1 : 0;
    const bool due = fresh && gap == 0;
    // Fragments of a packet that is held are checked when those before it are known.
    const bool holdable = gap != 0 && gap <= reorder_max_ && frames.size() <= packet_max_ &&
                          !EQUUS_BUGGIFY(session_drops_ahead, 50);
    if (due) {
        if (result<void> checked = check_frames(frames); !checked) {
            ++counters_.refused;
            return fail(std::move(checked).error());
        }
    }
    last_heard_ = now;
    acknowledged_by_peer(header.acknowledged, header.ahead, now);
    if (header.sequence == 0)
        return false;
    if (due) {
        ++counters_.packets_received;
        advance(frames.size());
        return true;
    }
    acknowledge_by(now);
    if (!fresh) {
        EQUUS_SOMETIMES(session_duplicate_dropped);
        ++counters_.duplicates_dropped;
    } else if (!holdable) {
        EQUUS_SOMETIMES(session_ahead_dropped);
        ++counters_.ahead_dropped;
    } else {
        ++counters_.packets_received;
        EQUUS_SOMETIMES(session_packet_held);
        hold(header.sequence, frames);
    }
    return false;
}

result<bool> session::accept_placed(const packet_header& header, std::size_t frames_bytes,
                                    time_point now) {
    if (closed_)
        return refuse(errc::closed, "session closed");
    if (header.run != run_ || header.from != peer_ || header.to != self_)
        return refuse(errc::no_such_node, "packet of another run or between other lives");
    if (header.acknowledged > sent_last_)
        return refuse(errc::malformed, "packet acknowledges what was never sent");
    last_heard_ = now;
    acknowledged_by_peer(header.acknowledged, header.ahead, now);
    if (header.sequence != due()) { // it has come on another link meanwhile
        acknowledge_by(now);
        ++counters_.duplicates_dropped;
        return false;
    }
    ++counters_.packets_received;
    advance(frames_bytes);
    return true;
}

void session::advance(std::size_t frames_bytes) noexcept {
    ++received_;
    const bool gap_behind = ahead_ != 0;
    ahead_ >>= 1;
    if (is_held(received_ + 64))
        ahead_ |= std::uint64_t{1} << 63;
    ++unanswered_packets_;
    unanswered_bytes_ += frames_bytes;
    const bool at_once = gap_behind || unanswered_packets_ >= std::max(window_ / 2, 1u) ||
                         unanswered_bytes_ >= unanswered_full_packets * packet_max_;
    acknowledge_by(at_once ? last_heard_ : deadline_after(last_heard_, limits_.acknowledge_after));
}

bool session::is_held(std::uint64_t sequence) const noexcept {
    return !held_.empty() && sequence > received_ && sequence - received_ - 1 <= reorder_max_ &&
           held_[static_cast<std::size_t>(sequence) & (held_.size() - 1)] != nullptr;
}

void session::hold(std::uint64_t sequence, std::span<const std::byte> frames) {
    if (held_.empty())
        held_.resize(std::bit_ceil(std::size_t{reorder_max_} + 1));
    packet_buffer* copy = pool_.take(frames.size());
    copy->end = static_cast<std::uint32_t>(frames.size());
    if (!frames.empty())
        std::memcpy(copy->data, frames.data(), frames.size());
    held_at(sequence) = copy;
    ++held_count_;
    if (const std::uint64_t bit = sequence - received_ - 1; bit < 64)
        ahead_ |= std::uint64_t{1} << bit;
}

packet_buffer* session::take_held() noexcept {
    if (!is_held(received_ + 1))
        return nullptr;
    ahead_ &= ~std::uint64_t{1};
    --held_count_;
    return std::exchange(held_at(received_ + 1), nullptr);
}

packet_buffer* session::absorb_fragment(frame& piece) {
    assembly& whole = lanes_[piece.flags & fragment_lane].incoming;
    std::span<const std::byte> payload = piece.payload;
    if ((piece.flags & fragment_is_first) != 0) {
        whole = {};
        whole.total = load_little_endian<std::uint32_t>(payload.data());
        const auto inner = load_little_endian<std::uint32_t>(payload.data() + 4);
        whole.kind = static_cast<frame_kind>(static_cast<std::uint8_t>(inner));
        whole.flags = static_cast<std::uint8_t>(inner >> 8);
        payload = payload.subspan(fragment_prefix_bytes);
    }
    const std::size_t received = whole.received + payload.size();
    if (whole.buffer == nullptr || received > whole.buffer->capacity) {
        // A few bytes that announce a giant message reserve no giant buffer.
        packet_buffer* larger = pool_.take(static_cast<std::size_t>(
            std::min<std::uint64_t>(whole.total, std::uint64_t{assembly_growth} * received)));
        if (whole.received != 0)
            std::memcpy(larger->data, whole.buffer->data, whole.received);
        pool_.give(std::exchange(whole.buffer, larger));
    }
    std::memcpy(whole.buffer->data + whole.received, payload.data(), payload.size());
    whole.received = static_cast<std::uint32_t>(received);
    if (whole.received != whole.total)
        return nullptr;
    EQUUS_SOMETIMES(session_fragments_joined);
    const assembly done = std::exchange(whole, {});
    piece = {done.kind, done.flags, {done.buffer->data, done.total}};
    return done.buffer;
}

} // namespace equus::runtime
