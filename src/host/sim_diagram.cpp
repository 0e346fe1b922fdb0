#include "host/sim_picture.hpp"

#include <algorithm>

namespace equus::sim {

namespace {

std::uint64_t number_of(incarnation_id caller) noexcept {
    return std::uint64_t{caller.node.value} << 32 | caller.counter;
}

} // namespace

std::size_t picture::life_of(incarnation_id who) const noexcept {
    const auto found = by_id.find(who);
    return found == by_id.end() ? none : found->second;
}

void picture::add(arrow made) {
    const std::uint64_t order = made.sent.order;
    arrows.emplace(order, std::move(made));
    forget_old();
}

void picture::add(mark made) {
    marks.push_back(std::move(made));
    forget_old();
}

/// More than can be drawn is kept, because not all of it will be wanted.
void picture::forget_old() {
    const std::size_t kept = options.events_max * 8 + 2'000;
    while (arrows.size() > kept) {
        arrows.erase(arrows.begin());
        ++forgotten;
    }
    while (marks.size() > kept) {
        marks.pop_front();
        ++forgotten;
    }
    while (losses.size() > kept)
        losses.pop_front();
    while (calls.size() > kept)
        calls.erase(calls.begin());
    if (under_way.size() > 4 * kept)
        std::erase_if(under_way, [this](const auto& each) {
            return std::none_of(each.second.begin(), each.second.end(),
                                [this](std::uint64_t order) { return arrows.contains(order); });
        });
}

diagram::diagram(diagram_options options) : seen_{std::make_unique<picture>()} {
    seen_->options = options;
}
diagram::~diagram() = default;

std::string diagram::svg(std::string_view title, std::string_view failure) const {
    return drawn(*seen_, title, failure);
}

void diagram::on_created(time_point at, host where, incarnation_id who, std::string_view name,
                         std::string_view module) noexcept {
    picture& p = *seen_;
    p.by_id[who] = p.lives.size();
    picture::life born{who,       where.index, std::string{name}, std::string{module},
                       p.now(at), {},          errc::ok};
    p.lives.push_back(std::move(born));
}

void diagram::on_trace(time_point at, host where, const trace_record& record) noexcept {
    picture& p = *seen_;
    if (!p.in_time(at))
        return;
    switch (record.kind) {
    case trace_kind::sent: {
        picture::arrow made;
        made.from = p.life_of(record.who);
        made.sent = p.now(at);
        if (const auto to = p.receivers.find({record.who, record.a}); to != p.receivers.end())
            made.to = to->second;
        if (const auto name = p.names.find({record.who, record.a, record.c}); name != p.names.end())
            made.name = name->second;
        p.under_way[{record.who, record.a, record.b}].push_back(made.sent.order);
        p.add(std::move(made));
        break;
    }
    case trace_kind::consumed: {
        const auto found = p.under_way.find({record.who, record.a, record.b});
        if (found == p.under_way.end())
            break;
        for (const std::uint64_t order : found->second) {
            const auto arrow = p.arrows.find(order);
            if (arrow == p.arrows.end() || !arrow->second.came || arrow->second.consumed ||
                p.lives[arrow->second.to].node != where.index)
                continue;
            arrow->second.consumed = p.now(at);
            break;
        }
        break;
    }
    case trace_kind::reply_sent: {
        const auto found = p.calls.find({record.c, record.a});
        if (found == p.calls.end())
            break;
        picture::arrow made;
        made.kind = picture::arrow_kind::reply;
        made.from = record.who ? p.life_of(record.who) : found->second.callee;
        made.to = found->second.caller;
        made.sent = p.now(at);
        made.reason = static_cast<errc>(record.b);
        made.name =
            made.reason == errc::ok ? found->second.reply_name : std::string{name_of(made.reason)};
        found->second.reply = made.sent.order;
        p.add(std::move(made));
        break;
    }
    case trace_kind::call_ended: {
        const auto found = p.calls.find({number_of(record.who), record.a});
        const auto reply =
            found == p.calls.end() ? p.arrows.end() : p.arrows.find(found->second.reply);
        const auto reason = static_cast<errc>(record.b);
        if (reply != p.arrows.end() && reply->second.reason == reason)
            reply->second.came = p.now(at);
        else if (reason != errc::ok)
            p.add(picture::mark{p.now(at), where.index, p.life_of(record.who),
                                std::string{name_of(reason)}});
        break;
    }
    case trace_kind::broken:
        p.add(picture::mark{p.now(at), where.index, p.life_of(record.who), "stream broken", true,
                            false});
        break;
    case trace_kind::ended:
        if (const std::size_t who = p.life_of(record.who); who != picture::none) {
            p.lives[who].ended = p.now(at);
            p.lives[who].reason = static_cast<errc>(record.a);
        }
        break;
    default:
        break;
    }
}

void diagram::on_queued(time_point at, host, const traced_message& message) noexcept {
    picture& p = *seen_;
    if (!p.in_time(at))
        return;
    const incarnation_id& by = message.stream.owner;
    const std::uint64_t counter = message.stream.counter;
    const std::size_t to = p.life_of(message.receiver);
    if (to == picture::none)
        return;
    p.receivers[{by, counter}] = to;
    p.names[{by, counter, message.ordinal}] = std::string{message.name};
    const auto found = p.under_way.find({by, counter, message.number});
    if (found == p.under_way.end())
        return;
    for (const std::uint64_t order : found->second) {
        const auto at_arrow = p.arrows.find(order);
        if (at_arrow == p.arrows.end() || at_arrow->second.came)
            continue;
        picture::arrow& arrow = at_arrow->second;
        arrow.came = p.now(at);
        arrow.to = to;
        arrow.name = std::string{message.name};
        if (message.call) {
            arrow.kind = picture::arrow_kind::invocation;
            p.calls[{number_of(message.call.owner), message.call.counter}] = {
                p.life_of(message.call.owner), to, std::string{message.reply_name}, 0};
        }
        return;
    }
}

void diagram::on_lost(time_point at, host from, host to) noexcept {
    picture& p = *seen_;
    if (p.in_time(at))
        p.losses.push_back({p.now(at), from.index, to.index});
}

void diagram::on_node(time_point at, host where, std::string_view name, fate what, duration length,
                      std::string_view text) noexcept {
    picture& p = *seen_;
    if (p.nodes.size() <= where.index)
        p.nodes.resize(where.index + 1);
    const bool first = p.nodes[where.index].empty();
    p.nodes[where.index] = std::string{name};
    if (!p.in_time(at))
        return;
    const moment now = p.now(at);
    if (what == fate::pauses)
        p.spans.push_back({picture::span::kind::paused, where.index, 0, at, at + length});
    if (what == fate::crashes || what == fate::stops) {
        p.spans.push_back({picture::span::kind::gone, where.index, 0, at, time_point::never()});
        for (picture::life& each : p.lives)
            if (each.node == where.index && !each.ended) {
                each.ended = now;
                each.reason = errc::broken;
            }
    }
    if (what == fate::begins)
        for (picture::span& each : p.spans)
            if (each.what == picture::span::kind::gone && each.node == where.index)
                each.to = std::min(each.to, at);
    if (!first)
        p.add(picture::mark{now, where.index, picture::none,
                            std::string{name} + " " + std::string{text}, what != fate::begins});
}

void diagram::on_cut(time_point at, host from, host to, bool cut) noexcept {
    picture& p = *seen_;
    if (!p.in_time(at))
        return;
    for (picture::span& each : p.spans)
        if (each.what == picture::span::kind::cut && each.node == from.index &&
            each.other == to.index && each.to == time_point::never()) {
            if (!cut)
                each.to = at;
            return;
        }
    if (!cut)
        return;
    p.spans.push_back({picture::span::kind::cut, from.index, to.index, at, time_point::never()});
    if (p.marks.empty() || !p.marks.back().cut || p.marks.back().at.at != at) {
        picture::mark made;
        made.at = p.now(at);
        made.everywhere = made.cut = true;
        p.add(std::move(made));
    }
}

void diagram::on_healed(time_point at) noexcept {
    picture& p = *seen_;
    if (p.in_time(at))
        p.add(picture::mark{p.now(at), 0, picture::none, "the faults end", false, true});
}

void diagram::on_remark(time_point at, host where, std::string_view text) noexcept {
    picture& p = *seen_;
    if (p.in_time(at))
        p.add(picture::mark{p.now(at), where.index, picture::none, std::string{text}, false});
}

} // namespace equus::sim
