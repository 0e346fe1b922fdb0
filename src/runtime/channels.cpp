// Channels with many ports, at their creator's node: who is a member, and who is told of it.
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

void kernel_impl::tell_members(channel_record& channel, const follow_channel_body& follower,
                               bool asks) {
    if (EQUUS_MUTANT(members_are_not_told))
        return;
    channel_members_frame frame;
    frame.channel = channel.id;
    frame.stream = follower.stream;
    frame.stream_slot = follower.stream_slot;
    frame.version = channel.version;
    frame.members = channel.members;
    frame.asks = asks;
    if (follower.at == self)
        recv_members(self, frame);
    else if (is_member(follower.at))
        send_frame(follower.at, kind::channel_members, lane::control, frame);
}

void kernel_impl::tell_members(channel_record& channel, bool asks) {
    std::erase_if(channel.followers,
                  [&](const follow_channel_body& f) { return f.at != self && !is_member(f.at); });
    // A follower that has ended drops out when it is told: see recv_members.
    const auto followers = channel.followers;
    for (const follow_channel_body& follower : followers)
        tell_members(channel, follower, asks);
}

/// A join that was to be known is answered when everybody who sends to the channel knows of the new
/// port: what they send from then on comes to it.
void kernel_impl::settle_joins(channel_record& channel) {
    const std::uint32_t known = channel.known_by_all();
    while (!channel.joins.empty() && channel.joins.front().version <= known) {
        const channel_record::joining first = channel.joins.front();
        channel.joins.erase(channel.joins.begin());
        answer_later(first.from, first.request, answer_frame{});
    }
}

void kernel_impl::follow_channel(stream_record& stream) {
    stream.followed_slot = followed.insert(stream);
    ask_to_follow(stream);
}

void kernel_impl::ask_to_follow(stream_record& stream) {
    follow_channel_body body;
    body.channel = stream.channel;
    body.stream = stream.id;
    body.stream_slot = stream.followed_slot;
    body.at = self;
    request_frame frame;
    frame.kind = detail::request_kind::follow_channel;
    frame.body = encode_frame(body);
    if (stream.channel_at.at == self) {
        if (const auto done = perform(self, frame); done && done->status != errc::ok)
            break_stream(stream, errc::broken);
    } else if (is_member(stream.channel_at.at)) {
        send_frame(stream.channel_at.at, kind::request, lane::data, frame);
    } else {
        break_stream(stream, errc::broken);
    }
}

void kernel_impl::channel_has_ended(stream_record& stream) {
    for (stream_leg* leg = stream.legs; leg; leg = leg->next)
        finish_leg(*leg);
    break_stream(stream, errc::broken);
}

/// Multicast and anycast channels end with their creator; whoever sends to them is told (rule 20).
void kernel_impl::end_channels_of(incarnation_id owner) {
    for (auto at = channels.lower_bound(channel_id{owner, 0});
         at != channels.end() && at->first.owner == owner;) {
        const auto followers = std::move(at->second.followers);
        const auto joins = std::move(at->second.joins);
        at = channels.erase(at);
        answer_frame closed;
        closed.status = errc::closed;
        closed.text = "the channel's creator has ended";
        for (const channel_record::joining& each : joins)
            answer_later(each.from, each.request, closed);
        for (const follow_channel_body& each : followers) {
            if (each.at != self) {
                send_frame(each.at, kind::broken, lane::control,
                           broken_frame{each.stream, each.stream_slot, 0, errc::broken, true});
            } else if (stream_record* stream = followed.at(each.stream_slot);
                       stream && stream->id == each.stream) {
                channel_has_ended(*stream);
            }
        }
    }
}

void kernel_impl::leave_channels(port_record& port) {
    if (!port.attached)
        return;
    const auto channels_left = std::exchange(port.attached->channels, {});
    for (const channel_id channel : channels_left) {
        request_frame frame;
        frame.kind = detail::request_kind::leave_channel;
        frame.body = encode_frame(join_channel_body{channel, {port.id(), {}}});
        const auto joined = port.attached->joined.find(channel);
        if (joined == port.attached->joined.end() || joined->second == self)
            perform(self, frame);
        else if (is_member(joined->second))
            send_frame(joined->second, kind::request, lane::data, frame);
    }
}

} // namespace equus
