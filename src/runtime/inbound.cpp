// Members of a run are known, but not to be believed in everything: what a frame says of a leg, a
// call or an incarnation is taken from the node that it concerns, and from nobody else
// (docs/protocol.md, "Who may say what"). Everything else is refused and counted.
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

namespace {

constexpr std::uint64_t rotated(std::uint64_t x, int by) noexcept {
    return x << by | x >> (64 - by);
}

/// SipHash-2-4 (Aumasson, Bernstein 2012) of whole words.
class sip_hash {
public:
    explicit sip_hash(std::uint64_t key, std::uint64_t key_2) noexcept
        : a_{key ^ 0x736f6d6570736575u}, b_{key_2 ^ 0x646f72616e646f6du},
          c_{key ^ 0x6c7967656e657261u}, d_{key_2 ^ 0x7465646279746573u} {}
    void add(std::uint64_t word) noexcept {
        d_ ^= word;
        rounds(2);
        a_ ^= word;
        bytes_ += 8;
    }
    std::uint64_t end() noexcept {
        add(bytes_ << 56);
        c_ ^= 0xff;
        rounds(4);
        return a_ ^ b_ ^ c_ ^ d_;
    }

private:
    void rounds(int count) noexcept {
        for (; count > 0; --count) {
            a_ += b_;
            b_ = rotated(b_, 13) ^ a_;
            a_ = rotated(a_, 32);
            c_ += d_;
            d_ = rotated(d_, 16) ^ c_;
            a_ += d_;
            d_ = rotated(d_, 21) ^ a_;
            c_ += b_;
            b_ = rotated(b_, 17) ^ c_;
            c_ = rotated(c_, 32);
        }
    }
    std::uint64_t a_, b_, c_, d_;
    std::uint64_t bytes_ = 0;
};

} // namespace

// ---------------------------------------------------------------------- calls

/// A call may have been passed on, by whomever and to whomever, so its answer comes from anywhere:
/// from a node that has seen the call, because the call carries what only its caller's kernel can
/// make, and its answer repeats it.
std::uint32_t kernel_impl::proof_of(call_id call) const noexcept {
    sip_hash words{options.secret, options.run.value};
    words.add(std::uint64_t{call.owner.node.value} << 32 | call.owner.boot.value);
    words.add(std::uint64_t{call.owner.counter} << 32 | call.counter);
    return static_cast<std::uint32_t>(words.end());
}

/// The caller of what has not been passed on is where the stream is. A call of our own that comes
/// back has to be one.
bool kernel_impl::may_send(node_boot from, const message_header& header) noexcept {
    if (!(header.flags & message_header::is_call))
        return true;
    if (header.forwards == 0 && header.caller != from)
        return false;
    return header.caller != self || header.proof == proof_of(header.call);
}

void kernel_impl::recv_reply(node_boot from, std::span<const std::byte> payload) {
    reply_header header;
    if (!load(header, payload) || header.proof != proof_of(header.call)) {
        ++counters.frames_refused;
        return;
    }
    auto rest = payload.subspan(reply_header::fixed_bytes);
    if (header.status != errc::ok) {
        error_chain chain;
        if (header.text_bytes) {
            if (auto decoded = wire::decode<error_chain>(rest.first(header.text_bytes));
                decoded && !decoded->links.empty() && decoded->links.front().code == header.status)
                chain = std::move(*decoded);
            else
                ++counters.frames_refused; // the call has failed all the same
        }
        complete_call(header.call_slot, header.call, error_of(header.status, chain.links), nullptr,
                      nullptr, {}, nullptr);
        return;
    }
    rest = rest.subspan(header.text_bytes);
    capability_list carried;
    if (header.capability_bytes) {
        auto decoded = wire::decode<capability_list>(rest.first(header.capability_bytes));
        if (!decoded || decoded->items.size() != header.capability_count) {
            ++counters.frames_refused;
            complete_call(header.call_slot, header.call,
                          error{errc::malformed, "the reply's references"}, nullptr, nullptr, {},
                          nullptr);
            return;
        }
        carried = std::move(*decoded);
        for (capability& each : carried.items)
            each.wanted_by = from;
        bulk_has_come(carried.items, true);
    }
    complete_call(header.call_slot, header.call, errc::ok, nullptr, nullptr,
                  rest.subspan(header.capability_bytes), &carried.items);
}

// ---------------------------------------------------------------------- the sending half

void kernel_impl::recv_credit(node_boot from, std::span<const std::byte> payload) {
    credit_header header;
    if (!load(header, payload)) {
        ++counters.frames_refused;
        return;
    }
    stream_leg* leg = find_leg(header.stream, header.stream_slot, {});
    if (!leg) { // the stream has ended meanwhile, or moved
        answer_stream_moved(from, header.stream, header.leg_slot);
        return;
    }
    if (leg->at.at != from) {
        ++counters.frames_refused; // nobody else consumes what this leg carries
        return;
    }
    leg->remote_leg = header.leg_slot;
    credit_came(*leg, header.consumed, header.limit_messages, header.limit_bytes);
}

void kernel_impl::recv_next(node_boot from, const next_frame& frame) {
    stream_leg* leg = find_leg(frame.stream, frame.stream_slot, {});
    if (!leg)
        answer_stream_moved(from, frame.stream, ~0u);
    else if (leg->at.at != from)
        ++counters.frames_refused; // no receiver of this leg
    else if (frame.next > leg->consumed)
        resend(*leg, frame.next); // what was consumed is not here; to send the rest again and again
                                  // would only be discarded again and again
}

void kernel_impl::recv_broken(node_boot from, const broken_frame& frame) {
    if (frame.whole_channel) {
        stream_record* stream = followed.at(frame.stream_slot);
        if (!stream || stream->id != frame.stream)
            return;
        if (stream->channel_at.at == from)
            channel_has_ended(*stream);
        else
            ++counters.frames_refused; // not where the channel's creator was
        return;
    }
    stream_leg* leg = find_leg(frame.stream, frame.stream_slot, {});
    if (!leg)
        return;
    if (leg->at.at == from)
        leg_is_broken(*leg, frame.consumed);
    else
        ++counters.frames_refused; // not its receiver's node
}

void kernel_impl::recv_members(node_boot from, const channel_members_frame& frame) {
    stream_record* stream = followed.at(frame.stream_slot);
    members_known_frame known{frame.channel, frame.stream, frame.version, false};
    if (stream && stream->id == frame.stream) {
        if (stream->channel_at.at != from) {
            ++counters.frames_refused;
            return;
        }
        set_members(*stream, frame.version, frame.members);
    } else {
        known.ended = true;
    }
    if (from == self)
        recv_members_known(self, known);
    else if (frame.asks)
        send_frame(from, kind::members_known, lane::control, known);
}

/// A stream that follows a channel of this node has heard of its ports, or follows it no more.
void kernel_impl::recv_members_known(node_boot from, const members_known_frame& frame) {
    if (!lives_at(frame.stream.owner, from)) {
        ++counters.frames_refused;
        return;
    }
    const auto found = channels.find(frame.channel);
    if (found == channels.end())
        return;
    channel_record& channel = found->second;
    if (frame.ended)
        std::erase_if(channel.followers,
                      [&](const follow_channel_body& f) { return f.stream == frame.stream; });
    for (channel_record::follower& each : channel.followers)
        if (each.stream == frame.stream)
            each.known = std::max(each.known, std::min(frame.version, channel.version));
    settle_joins(channel);
}

// ---------------------------------------------------------------------- the receiving half

void kernel_impl::recv_finish(node_boot from, const finish_frame& frame) {
    leg_entry* leg = port_legs.at(frame.leg_slot);
    bool passed_on = false;
    if ((!leg || leg->stream != frame.stream) && !whereabouts.empty()) {
        leg = nullptr;
        port_id port = frame.port;
        if (const auto gone = departed_ports.find({frame.channel, frame.port_slot});
            !port && gone != departed_ports.end())
            port = gone->second;
        if (const port_record* here = find_port(port); here && here->attached) {
            if (const auto found = here->attached->legs.find(frame.stream);
                found != here->attached->legs.end())
                leg = found->second.get();
            const auto past = came_from.find(port.owner);
            passed_on =
                past != came_from.end() &&
                std::find(past->second.begin(), past->second.end(), from) != past->second.end();
        } else if (const node_boot at = place_of(port.owner, self); port && at != self) {
            finish_frame onward = frame; // a cursor of it is there (rule 6)
            onward.port = port;
            send_frame(at, kind::finish, lane::control, onward);
        }
    }
    if (!leg || leg->stream != frame.stream)
        return;
    if (leg->local || (leg->from != from && !passed_on)) {
        ++counters.frames_refused; // the stream is elsewhere
        return;
    }
    leg->finished = true;
    leg->last = frame.last;
    if (leg->consumed >= leg->last)
        end_entry(*leg);
}

// ---------------------------------------------------------------------- incarnations

/// What happens to an incarnation is told by the kernel where it lives.
void kernel_impl::recv_event(node_boot from, event_frame& frame) {
    if (frame.passed_on) {
        const auto past = came_from.find(frame.to);
        if (past != came_from.end() &&
            std::find(past->second.begin(), past->second.end(), from) != past->second.end())
            deliver_event(frame.to, std::move(frame.what));
        else
            ++counters.frames_refused;
        return;
    }
    if (!lives_at(frame.what.subject, from)) {
        put_aside(frame.what.subject, from, kind::event, encode_frame(frame).span());
        return;
    }
    if (frame.what.node != from) {
        ++counters.frames_refused;
        return;
    }
    if (frame.to)
        deliver_event(frame.to, std::move(frame.what));
    else
        parent_ended(frame.what.subject, frame.what);
}

} // namespace equus
