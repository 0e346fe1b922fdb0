#include "runtime/answers.hpp"
#include "runtime/image.hpp"
#include "runtime/kernel_impl.hpp"

#include <algorithm>

namespace equus {

using namespace runtime;

void kernel_impl::begin_request(detail::request_operation& op, request_frame frame, node_boot to) {
    op.id = next_request++;
    frame.id = op.id;
    pending_request asked;
    asked.op = &op;
    asked.to = to;
    if (to == self) {
        if (auto answer = perform(self, frame)) {
            if (answer->moved_to.node) {
                asked.again = std::make_unique<request_frame>(std::move(frame));
                ask_again(op.id, std::move(asked), *answer);
            } else {
                handle_answer_for(op, std::move(*answer));
            }
        } else if (!op.has_ended()) {
            asked.again = std::make_unique<request_frame>(std::move(frame));
            requests.emplace(op.id, std::move(asked));
        }
        return;
    }
    if (!is_member(to)) {
        end(op, error{errc::no_such_node, "the node has not joined, has left, or was evicted"});
        return;
    }
    if (frame.kind == detail::request_kind::report && !members[to.node].reachable) {
        end(op, error{errc::maybe_delivered, "its node is silent"});
        return;
    }
    send_frame(to, kind::request, lane::data, frame);
    asked.again = std::make_unique<request_frame>(std::move(frame));
    requests.emplace(op.id, std::move(asked));
}

void kernel_impl::handle_request(node_boot from, const request_frame& frame) {
    if (auto answer = perform(from, frame))
        answer_later(from, frame.id, std::move(*answer));
}

void kernel_impl::answer_later(node_boot to, std::uint64_t id, answer_frame answer) {
    if (id == 0)
        return;
    answer.id = id;
    if (to == self)
        handle_answer(self, std::move(answer));
    else if (is_member(to))
        send_frame(to, kind::answer, lane::data, answer);
}

void kernel_impl::handle_answer(node_boot from, answer_frame frame) {
    const auto found = requests.find(frame.id);
    if (found == requests.end())
        return;
    if (found->second.to != from) {
        ++counters.frames_refused; // it was not asked
        return;
    }
    pending_request asked = std::move(found->second);
    requests.erase(found);
    request_is_over();
    if (asked.op && frame.moved_to.node && asked.again)
        ask_again(frame.id, std::move(asked), frame);
    else if (asked.op)
        handle_answer_for(*asked.op, std::move(frame));
    else if (asked.about)
        kernel_is_answered(asked, std::move(frame));
    else
        answer_later(asked.relay_to, asked.relay_id, std::move(frame));
}

void kernel_impl::request_was_cut_off(std::uint64_t id, std::string text) {
    const auto found = requests.find(id);
    if (found == requests.end())
        return;
    const pending_request asked = std::move(found->second);
    requests.erase(found);
    request_is_over();
    if (asked.op) {
        end(*asked.op, error{errc::maybe_delivered, std::move(text)});
        return;
    }
    if (asked.about) {
        answer_frame cut_off;
        cut_off.status = errc::maybe_delivered;
        cut_off.text = std::move(text);
        kernel_is_answered(asked, std::move(cut_off));
        return;
    }
    if (EQUUS_MUTANT(relays_outlive_their_node))
        return;
    answer_frame lost;
    lost.status = errc::maybe_delivered;
    lost.text = std::move(text);
    answer_later(asked.relay_to, asked.relay_id, std::move(lost));
}

void kernel_impl::handle_answer_for(detail::request_operation& op, answer_frame frame) {
    auto& inc = *static_cast<incarnation_record*>(op.owner);
    if (frame.capabilities.size() > 1 || (frame.body.size() != 0 && !frame.capabilities.empty()))
        redeem_forked(inc, frame);
    op.answer = std::move(frame.body);
    if (frame.status != errc::ok) {
        if (!frame.causes.empty())
            end(op, error_of(frame.status, frame.causes));
        else
            end(op, frame.text.empty() ? error{frame.status} : error{frame.status, frame.text});
        return;
    }
    if (!frame.capabilities.empty()) {
        const capability& made = frame.capabilities.front();
        op.made = import_capability(inc, made);
        if (op.watched)
            note_watch(inc.id, made.incarnation, made.at.at, event_kinds{op.watched});
    }
    end(op);
}

namespace {

event_kinds events_of(const creation& what) noexcept {
    const event_kinds asked{what.events};
    return what.watched ? asked | event_kind::terminated : asked;
}

} // namespace

std::optional<answer_frame> kernel_impl::perform(node_boot from, const request_frame& frame) {
    const auto malformed = [] { return refuse(errc::malformed, "the request's body"); };
    const auto not_yours = [&] {
        ++counters.frames_refused;
        return refuse(errc::access_denied, "it lives at another node");
    };
    // Who asks for another's incarnation, or in its name, passes on what that has asked itself.
    if (frame.asker && !lives_at(frame.asker, from) &&
        frame.kind != detail::request_kind::restore) {
        put_aside(frame.asker, from, kind::request, encode_frame(frame).span());
        return {};
    }
    if (!departures.empty() || !arrivals.empty() || !whereabouts.empty()) [[unlikely]] {
        bool held = false;
        if (auto elsewhere = redirect(from, frame, held); elsewhere || held)
            return elsewhere;
    }
    switch (frame.kind) {
    case detail::request_kind::create: {
        creation what;
        if (!read(what, frame))
            return malformed();
        if (leaving)
            return refuse(errc::refused, "the node is leaving");
        auto made = create(what, frame.capabilities, frame.launch, frame.launch_at);
        if (!made) {
            answer_frame refused = refuse(made.error().code(), std::string{made.error().text()});
            if (made.error().cause())
                refused.causes = chain_of(made.error()).links;
            return refused;
        }
        if (const event_kinds kinds = events_of(what); kinds != event_kinds{})
            add_watcher((*made)->id, watcher{frame.asker, from, kinds});
        answer_frame out;
        capability handle;
        handle.kind = reference_kind::incarnation;
        handle.incarnation = (*made)->id;
        handle.at = {self, (*made)->slot, {}};
        out.capabilities.push_back(handle);
        return out;
    }
    case detail::request_kind::destroy: {
        incarnation_record* inc = find(frame.subject);
        if (!inc)
            return refuse(errc::not_found, "the incarnation has ended");
        request_end(*inc, error{errc::cancelled, "destroyed by a parent"});
        return answer_frame{};
    }
    case detail::request_kind::watch: {
        watch_body body;
        if (!read(body, frame))
            return malformed();
        add_watcher(frame.subject, watcher{body.for_dependents ? incarnation_id{} : frame.asker,
                                           from, event_kinds{body.kinds}});
        return answer_frame{};
    }
    case detail::request_kind::unwatch: {
        watch_body body;
        if (!read(body, frame))
            return malformed();
        remove_watcher(frame.subject, watcher{frame.asker, from, event_kinds{body.kinds}});
        return answer_frame{};
    }
    case detail::request_kind::reserve:
        return reserve(frame);
    case detail::request_kind::install:
        return arrive(from, frame);
    case detail::request_kind::claim:
    case detail::request_kind::reclaim:
    case detail::request_kind::locate:
        return register_request(from, frame);
    case detail::request_kind::freeze:
    case detail::request_kind::unfreeze:
    case detail::request_kind::migrate:
    case detail::request_kind::report:
    case detail::request_kind::inspect:
    case detail::request_kind::open_control:
        return order(from, frame);
    case detail::request_kind::copy:
    case detail::request_kind::fork:
        return copy_or_fork(from, frame);
    case detail::request_kind::restore:
        return restore_request(from, frame);
    case detail::request_kind::depend: {
        depend_body body;
        if (!read(body, frame))
            return malformed();
        if (!lives_at(body.parent, from) || body.parent_at != from)
            return not_yours();
        incarnation_record* inc = find(frame.subject);
        if (!inc)
            return refuse(errc::not_found, "the incarnation has ended");
        if (body.kind == dependency::none)
            depend_no_more(*inc, body.parent);
        else
            depend(*inc, body.parent, body.parent_at, body.kind);
        return answer_frame{};
    }
    case detail::request_kind::regulate: {
        regulate_body body;
        if (!read(body, frame))
            return malformed();
        stream_record* stream = find_stream({frame.subject, body.stream});
        if (!stream)
            return refuse(errc::not_found, "the stream has been closed");
        if (stream->broken != errc::ok)
            return refuse(errc::broken, {});
        regulate_stream(*stream, body.what);
        return answer_frame{};
    }
    case detail::request_kind::status: {
        answer_frame out;
        out.body = encode_frame(status());
        return out;
    }
    case detail::request_kind::join_channel: {
        join_channel_body body;
        if (!read(body, frame))
            return malformed();
        if (!body.channel)
            return refuse(errc::wrong_protocol, "not a port, or not of the channel's protocol");
        if (!lives_at(body.member.port.owner, from)) {
            put_aside(body.member.port.owner, from, kind::request, encode_frame(frame).span());
            return {};
        }
        if (body.member.at.at != from || place_of(body.member.port.owner, from) != from)
            return not_yours(); // or it has gone on from there
        const auto found = channels.find(body.channel);
        if (found == channels.end())
            return refuse(errc::closed, "the channel's creator has ended");
        channel_record& channel = found->second;
        const auto known =
            std::find_if(channel.members.begin(), channel.members.end(),
                         [&](const channel_member& m) { return m.port == body.member.port; });
        if (known == channel.members.end()) {
            channel.members.push_back(body.member);
            ++channel.version;
        } else if (*known != body.member) { // it has moved
            *known = body.member;
            ++channel.version;
        }
        tell_members(channel, body.until_known);
        if (!body.until_known || channel.known_by_all() == channel.version)
            return answer_frame{};
        channel.joins.push_back({from, frame.id, channel.version});
        return {};
    }
    case detail::request_kind::leave_channel: {
        join_channel_body body;
        if (!read(body, frame))
            return malformed();
        if (!lives_at(body.member.port.owner, from))
            return not_yours();
        if (const auto found = channels.find(body.channel); found != channels.end()) {
            channel_record& channel = found->second;
            const auto gone = std::erase_if(channel.members, [&](const channel_member& m) {
                return m.port == body.member.port;
            });
            if (gone != 0) {
                ++channel.version;
                tell_members(channel);
            }
        }
        return answer_frame{};
    }
    case detail::request_kind::follow_channel: {
        follow_channel_body body;
        if (!read(body, frame))
            return malformed();
        if (!lives_at(body.stream.owner, from)) {
            put_aside(body.stream.owner, from, kind::request, encode_frame(frame).span());
            return {};
        }
        if (body.at != from || place_of(body.stream.owner, from) != from)
            return not_yours();
        const auto found = channels.find(body.channel);
        if (found == channels.end()) {
            if (from != self)
                send_frame(from, kind::broken, lane::control,
                           broken_frame{body.stream, body.stream_slot, 0, errc::broken, true});
            return refuse(errc::closed, "the channel's creator has ended");
        }
        // What it hears first says all: nobody who joins has to wait for it.
        auto& followers = found->second.followers;
        const auto known =
            std::find_if(followers.begin(), followers.end(), [&](const follow_channel_body& each) {
                return each.stream == body.stream;
            });
        if (known == followers.end())
            followers.push_back({body, found->second.version});
        else
            *known = {body, found->second.version}; // it has moved
        tell_members(found->second, body, false);
        settle_joins(found->second);
        return answer_frame{};
    }
    }
    return refuse(errc::unsupported, "a request that this version does not know");
}

namespace runtime {
namespace {

rights needed_for(detail::request_kind kind) noexcept {
    switch (kind) {
    case detail::request_kind::destroy:
        return right::destroy;
    case detail::request_kind::watch:
        return right::watch;
    case detail::request_kind::unwatch:
    case detail::request_kind::report:
        return right::watch;
    case detail::request_kind::depend:
        return right::depend;
    case detail::request_kind::freeze:
    case detail::request_kind::unfreeze:
        return right::freeze;
    case detail::request_kind::inspect:
        return right::inspect;
    case detail::request_kind::copy:
        return right::copy;
    case detail::request_kind::open_control:
        return right::operate;
    case detail::request_kind::migrate:
        return right::migrate;
    case detail::request_kind::join_channel:
        return right::attach;
    case detail::request_kind::regulate:
        return right::regulate;
    default:
        return right::all;
    }
}

} // namespace
} // namespace runtime

namespace detail {

using runtime::incarnation_record;

void begin(request_operation& op, request_kind kind, node_id node, reference subject, bytes body,
           std::span<const reference> references) {
    const runtime::kernel_entry inc;
    if (inc->fresh)
        begin_fresh(*inc);
    kernel_impl& kernel = *inc->kernel;
    op.owner = inc;
    op.status = operation::state::waiting;
    op.since = detail::ticks_of(kernel.now);
    runtime::request_frame frame;
    frame.kind = kind;
    frame.asker = inc->id;
    frame.launch = inc->launch->id;
    frame.launch_at = inc->launch->at;
    frame.body = std::move(body);
    node_boot to = kernel.self;
    if (subject) {
        const auto* entry = kernel.lookup(*inc, subject);
        if (!entry || !entry->record) {
            kernel.end(op, errc::no_such_reference);
            return;
        }
        if (!(entry->rights & runtime::needed_for(kind))) {
            kernel.end(op, error{errc::access_denied, "the reference does not allow it"});
            return;
        }
        if (entry->kind == runtime::reference_kind::incarnation) {
            const auto& handle = *static_cast<runtime::handle_record*>(entry->record);
            frame.subject = handle.id;
            frame.subject_slot = handle.at.slot;
            to = kernel.place_of(handle.id, handle.at.at);
            if (kind == request_kind::watch || kind == request_kind::unwatch)
                kernel.watch_is_asked(*inc, handle, frame);
        } else if (entry->kind == runtime::reference_kind::stream_handle &&
                   kind == request_kind::regulate) {
            const auto& handle = *static_cast<runtime::handle_record*>(entry->record);
            frame.subject = handle.id;
            frame.subject_slot = handle.at.slot;
            to = kernel.place_of(handle.id, handle.at.at);
        } else if (entry->kind == runtime::reference_kind::stream) {
            to = static_cast<runtime::stream_record*>(entry->record)->channel_at.at;
        } else {
            kernel.end(op, errc::no_such_reference);
            return;
        }
    } else if (node && node != kernel.self.node) {
        const auto member = kernel.members.find(node);
        if (member == kernel.members.end()) {
            kernel.end(op, error{errc::no_such_node, "node " + std::to_string(node.value)});
            return;
        }
        to = member->second.at;
    }
    std::vector<reference> marked;
    for (reference each : references) {
        auto exported = kernel.export_reference(*inc, each, {});
        if (!exported) {
            kernel.end(op, std::move(exported.error()));
            return;
        }
        if (inc->references[each.index()].given_away)
            marked.push_back(each);
        frame.capabilities.push_back(std::move(*exported));
    }
    for (const capability& each : frame.capabilities)
        if (each.reported)
            kernel.tell_of_propagation(*inc, each, {});
    kernel.give_away_marked(*inc, marked);
    kernel.begin_request(op, std::move(frame), to);
}

} // namespace detail

// ---------------------------------------------------------------------- their typed forms

namespace {

/// With what is given numbered as the request's references are.
creation numbered_copy(const creation& what, std::vector<reference>& references) {
    creation numbered = what;
    for (auto& [name, which] : numbered.given) {
        if (!which)
            continue;
        references.push_back(which);
        which = any_reference{reference{static_cast<std::uint32_t>(references.size() - 1), 0}};
    }
    return numbered;
}

} // namespace

detail::creating create(const creation& what, node_id node) {
    std::vector<reference> references;
    bytes encoded = encode_frame(numbered_copy(what, references));
    return {detail::request_kind::create, node,           reference{}, std::move(encoded),
            std::move(references),        events_of(what)};
}

detail::creating create_from(incarnation_handle blueprint, const creation& what, node_id node) {
    std::vector<reference> references;
    copy_body body;
    body.what = numbered_copy(what, references);
    body.to = node ? node : where().node;
    return {detail::request_kind::copy, node_id{},      blueprint, encode_frame(body),
            std::move(references),      events_of(what)};
}

namespace {

detail::requesting_nothing joining(reference port, any_reference channel, bool until_known) {
    const kernel_entry inc;
    kernel_impl& kernel = *inc->kernel;
    join_channel_body body;
    body.until_known = until_known;
    const auto* stream = kernel.lookup(*inc, channel);
    const auto* entry = kernel.lookup(*inc, port);
    if (stream && stream->record && stream->kind == reference_kind::stream && entry &&
        entry->kind == reference_kind::port) {
        auto& record = *static_cast<port_record*>(entry->record);
        const auto& source = *static_cast<stream_record*>(stream->record);
        if (source.protocol != record.protocol->id || !(stream->rights & right::attach))
            return {detail::request_kind::join_channel, node_id{}, channel, encode_frame(body)};
        body.channel = source.channel;
        body.member = {record.id(), kernel.place_here(record), kernel.credit_first_of(record)};
        auto& attached = record.attach();
        attached.channels.push_back(source.channel);
        attached.joined[source.channel] = source.channel_at.at;
    }
    return {detail::request_kind::join_channel, node_id{}, channel, encode_frame(body)};
}

} // namespace

detail::requesting_nothing join_channel(reference port, any_reference channel) {
    const kernel_entry inc;
    return joining(port, channel, false);
}

namespace detail {
requesting_nothing join(reference port, reference channel) {
    const runtime::kernel_entry inc;
    return joining(port, any_reference{channel}, true);
}
} // namespace detail

} // namespace equus
