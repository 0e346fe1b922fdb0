#include "runtime/session.hpp"

#include <equus/kernel/mutants.hpp>

#include <algorithm>
#include <utility>

namespace equus::runtime {

namespace {

/// A packet below this size carries next to nothing.
constexpr std::size_t packet_bytes_min = 512;
/// What the envelope and the capability descriptors of a message take at most.
constexpr std::size_t envelope_bytes_max = 64u << 10;
/// The table of packets held is allocated as a whole.
constexpr std::uint32_t reorder_packets_max = 1u << 16;

} // namespace

session::session(const kernel_limits& limits, packet_pool& pool, rdc_id run, node_boot self,
                 node_boot peer, time_point now)
    : limits_{limits}, pool_{pool}, run_{run}, self_{self}, peer_{peer},
      packet_max_{std::max<std::size_t>(limits.packet_bytes_max, packet_bytes_min) &
                  ~std::size_t{7}},
      payload_max_{std::min<std::size_t>(limits.message_bytes_max, std::size_t{1} << 30) +
                   envelope_bytes_max},
      window_{std::max(limits.session_packets_max, 1u)},
      reorder_max_{std::min(limits.session_reorder_max, reorder_packets_max)},
      retransmit_after_{limits.retransmit_after}, last_heard_{now} {}

session::~session() {
    close();
}

std::uint64_t session::frames_unacknowledged() const noexcept {
    std::uint64_t frames = 0;
    for (const lane_state& l : lanes_)
        frames += l.reserved - l.acknowledged;
    return frames;
}

bool session::idle() const noexcept {
    return frames_unacknowledged() == 0;
}

std::uint64_t session::close() noexcept {
    if (closed_)
        return 0;
    closed_ = true;
    const std::uint64_t lost = frames_unacknowledged();
    for (lane_state& l : lanes_) {
        pool_.give(l.open);
        while (l.first != nullptr)
            pool_.give(std::exchange(l.first, l.first->next));
        pool_.give(l.incoming.buffer);
        l.open = l.last = nullptr;
        l.incoming = {};
    }
    for (sent_packet& sent : sent_)
        pool_.give(sent.buffer);
    sent_.clear();
    for (packet_buffer* held : held_)
        pool_.give(held);
    held_.clear();
    held_count_ = 0;
    ahead_ = 0;
    sent_last_ = acknowledged_;
    again_count_ = 0;
    links_.clear();
    in_use_ = {};
    retransmit_at_ = acknowledge_at_ = time_point::never();
    return lost;
}

// ---- links

bool session::has_link(link_id link) const noexcept {
    return std::any_of(links_.begin(), links_.end(),
                       [link](const attached_link& l) { return l.id == link; });
}

void session::attach(link_id link, const link_traits& traits, time_point now) {
    EQUUS_ASSERT(link && !has_link(link));
    if (closed_)
        return;
    links_.push_back({link, traits.ordered});
    choose_link(now);
}

void session::detach(link_id link, time_point now) {
    if (std::erase_if(links_, [link](const attached_link& l) { return l.id == link; }) != 0)
        choose_link(now);
}

void session::set_preferred(link_id link, time_point now) {
    preferred_ = link;
    choose_link(now);
}

void session::choose_link(time_point now) {
    link_id chosen;
    if (has_link(preferred_))
        chosen = preferred_;
    else if (!links_.empty())
        chosen = links_.back().id;
    lossy_ = std::any_of(links_.begin(), links_.end(),
                         [](const attached_link& l) { return !l.ordered; });
    const bool under_way = sent_last_ != acknowledged_;
    if (chosen != in_use_) {
        in_use_ = chosen;
        full_ = false;
        if (chosen && under_way)
            EQUUS_SOMETIMES(session_link_changed_under_way);
        if (chosen && !EQUUS_MUTANT(session_forgets_on_reconnect))
            for (std::uint64_t n = acknowledged_ + 1; n <= sent_last_; ++n)
                repeat(n);
        if (chosen && received_ != 0)
            acknowledge_by(now);
        repeat_until_ = 0;
        retransmit_after_ = limits_.retransmit_after;
        retransmit_at_ = time_point::never();
    }
    if (!lossy_ || !under_way)
        retransmit_at_ = time_point::never();
    else if (retransmit_at_ == time_point::never())
        retransmit_at_ = deadline_after(now, retransmit_after_);
}

// ---- invariants

std::string session::check_outgoing() const {
    if (acknowledged_ > sent_last_ || sent_last_ - acknowledged_ > window_)
        return "session: more packets under way than the window";
    std::array<std::uint64_t, 2> frames{};
    std::uint32_t again = 0;
    for (std::uint64_t n = acknowledged_ + 1; n <= sent_last_; ++n) {
        const sent_packet& sent = sent_at(n);
        if (sent.buffer == nullptr)
            return "session: an unacknowledged packet was forgotten";
        if (load_little_endian<std::uint64_t>(sent.buffer->data + sent.buffer->begin + 32) != n)
            return "session: a retained packet has another number";
        if (sent.again && (sent.arrived || n < again_first_))
            return "session: a packet to be sent again would be missed, or has arrived";
        again += sent.again ? 1 : 0;
        for (std::size_t l = 0; l < frames.size(); ++l)
            frames[l] += sent.buffer->frames[l];
    }
    if (again != again_count_)
        return "session: count of packets to be sent again";
    for (std::size_t l = 0; l < frames.size(); ++l) {
        const lane_state& own = lanes_[l];
        for (const packet_buffer* waiting = own.first; waiting; waiting = waiting->next)
            frames[l] += waiting->oversize ? 1 : waiting->frames[l];
        if (own.open != nullptr)
            frames[l] += own.open->frames[l];
        if (frames[l] != own.reserved - own.acknowledged)
            return "session: frames kept are not the frames unacknowledged";
    }
    if (in_use_ && lossy_ && sent_last_ != acknowledged_ && retransmit_at_ == time_point::never())
        return "session: packets on a link that loses, and no timer";
    return {};
}

std::string session::check_incoming() const {
    std::uint32_t held = 0;
    std::uint64_t ahead = 0;
    for (std::uint64_t n = 0; n <= reorder_max_; ++n) {
        if (!is_held(received_ + 1 + n))
            continue;
        if (n == 0)
            return "session: a packet that is due is held";
        ++held;
        ahead |= n < 64 ? std::uint64_t{1} << n : 0;
    }
    if (held != held_count_ || ahead != ahead_)
        return "session: packets held ahead are not those reported";
    for (const lane_state& l : lanes_) {
        const assembly& whole = l.incoming;
        if ((whole.buffer == nullptr) != (whole.total == 0) ||
            (whole.buffer != nullptr &&
             (whole.received >= whole.total || whole.received > whole.buffer->capacity)))
            return "session: a message put together is out of step";
    }
    return {};
}

std::string session::check_invariants() const {
    if (in_use_ ? !has_link(in_use_) : !links_.empty())
        return "session: the link in use is not one of those attached";
    if (closed_ && (!sent_.empty() || !held_.empty() || lanes_[0].open || lanes_[1].open ||
                    lanes_[0].first || lanes_[1].first))
        return "session: closed, and still keeps packets";
    if (closed_)
        return {};
    std::string broken = check_outgoing();
    return broken.empty() ? check_incoming() : broken;
}

} // namespace equus::runtime
