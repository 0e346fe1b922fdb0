#include "transport/sim/network.hpp"

#include <equus/base/assert.hpp>

#include <algorithm>

namespace equus::transport {

sim_network::sim_network(std::uint64_t seed)
    : delays_{seed, "network.delay"}, losses_{seed, "network.loss"}, breaks_{seed, "network.break"},
      dials_{seed, "network.dial"} {}

sim_host sim_network::add_host() {
    const auto made = static_cast<sim_host>(hosts_.size());
    hosts_.emplace_back();
    for (host_state& host : hosts_)
        host.cut_to.resize(hosts_.size(), 0);
    return made;
}

duration sim_network::delay() {
    duration drawn = delays_.between(faults_.delay_min, faults_.delay_max);
    if (faults_.late_max.count() > 0 && delays_.chance(faults_.late_per_mille))
        drawn += delays_.between(duration{0}, faults_.late_max);
    return drawn;
}

sim_network::connection* sim_network::find(sim_host host, link_id link, std::uint64_t& id,
                                           int& which) {
    const auto found = hosts_[host].links.find(link);
    if (found == hosts_[host].links.end())
        return nullptr;
    id = found->second.first;
    which = found->second.second;
    const auto at = connections_.find(id);
    return at == connections_.end() ? nullptr : &at->second;
}

// ---- making links

void sim_network::listen(sim_host host, std::string_view address) {
    listeners_.insert_or_assign(std::string{address}, host);
}

void sim_network::dial(sim_host host, dial_id dial, std::string_view address, time_point now) {
    event dialled;
    dialled.what = event::kind::dial;
    dialled.host = host;
    dialled.life = hosts_[host].life;
    dialled.dial = dial;
    dialled.address = address;
    events_.add(now + delay(), std::move(dialled));
}

void sim_network::dial_arrives(const event& dialled, time_point now) {
    const auto listener = listeners_.find(dialled.address);
    const bool refused = listener == listeners_.end() || hosts_[listener->second].down ||
                         dials_.chance(faults_.dial_failure_per_mille);
    const sim_host other = listener == listeners_.end() ? dialled.host : listener->second;
    const bool unheard =
        other != dialled.host && (is_cut(dialled.host, other) || is_cut(other, dialled.host));
    if (refused || unheard) {
        event failed;
        failed.what = event::kind::dial_failed;
        failed.host = dialled.host;
        failed.life = dialled.life;
        failed.dial = dialled.dial;
        events_.add(now + (unheard ? faults_.dial_timeout : delay()), std::move(failed));
        return;
    }
    const std::uint64_t id = next_connection_++;
    connection& c = connections_[id];
    c.ordered = !dials_.chance(faults_.unordered_per_mille);
    const std::array<sim_host, 2> ends{dialled.host, other};
    for (int i = 0; i < 2; ++i) {
        side& s = c.sides[static_cast<std::size_t>(i)];
        s.host = ends[static_cast<std::size_t>(i)];
        s.life = i == 0 ? dialled.life : hosts_[s.host].life;
        s.link = link_id{hosts_[s.host].next_link++};
        s.dial = i == 0 ? dialled.dial : dial_id{};
        hosts_[s.host].links[s.link] = {id, i};
        // The listener is up at once, the dialler when the answer has come back.
        s.last_arrival = i == 0 ? now + delay() : now;
        event up;
        up.what = event::kind::link_up;
        up.connection = id;
        up.to = i;
        events_.add(s.last_arrival, std::move(up));
    }
    ++counters_.links_made;
}

// ---- packets

void sim_network::lost(sim_host from, sim_host to) {
    ++counters_.packets_lost;
    if (on_lost)
        on_lost(from, to);
}

void sim_network::send(sim_host host, link_id link, std::span<const std::byte> packet,
                       time_point now) {
    ++counters_.packets_sent;
    std::uint64_t id = 0;
    int which = 0;
    connection* c = find(host, link, id, which);
    const auto to = static_cast<std::size_t>(1 - which);
    if (c == nullptr || c->broken || c->sides[to].closed ||
        c->sides[static_cast<std::size_t>(which)].closed) {
        ++counters_.packets_lost;
        return;
    }
    if (!c->ordered) {
        send_unordered(id, *c, 1 - which, packet, now);
        return;
    }
    send_ordered(id, *c, 1 - which, bytes{packet}, now);
    if (breaks_.below(1'000'000) < faults_.break_per_million)
        break_link(id, *c, now);
}

void sim_network::send_unordered(std::uint64_t id, connection& c, int to,
                                 std::span<const std::byte> packet, time_point now) {
    side& receiver = c.sides[static_cast<std::size_t>(to)];
    const side& sender = c.sides[static_cast<std::size_t>(1 - to)];
    const std::uint64_t order = ++receiver.last_sent;
    if (is_cut(sender.host, receiver.host) || losses_.chance(faults_.loss_per_mille)) {
        lost(sender.host, receiver.host);
        return;
    }
    const bool twice = losses_.chance(faults_.duplicate_per_mille);
    for (int copies = twice ? 2 : 1; copies > 0; --copies) {
        event sent;
        sent.connection = id;
        sent.to = to;
        sent.order = order;
        sent.data = bytes{packet};
        events_.add(now + delay(), std::move(sent));
    }
    if (twice)
        ++counters_.packets_duplicated;
}

void sim_network::send_ordered(std::uint64_t id, connection& c, int to, bytes data,
                               time_point now) {
    side& receiver = c.sides[static_cast<std::size_t>(to)];
    if (is_cut(c.sides[static_cast<std::size_t>(1 - to)].host, receiver.host) ||
        !receiver.held.empty()) {
        receiver.held.push_back(std::move(data));
        hold(id, c, to, now);
        return;
    }
    duration under_way = delay();
    for (int again = 0; again < 8 && losses_.chance(faults_.loss_per_mille); ++again)
        under_way += delay() * (2 << again); // repeated by the transport below
    receiver.last_arrival = std::max(receiver.last_arrival, now + under_way);
    event sent;
    sent.connection = id;
    sent.to = to;
    sent.order = ++receiver.last_sent;
    sent.data = std::move(data);
    events_.add(receiver.last_arrival, std::move(sent));
}

// ---- silence

void sim_network::hold(std::uint64_t id, connection& c, int to, time_point now) {
    side& receiver = c.sides[static_cast<std::size_t>(to)];
    if (receiver.silence_watched)
        return;
    receiver.silence_watched = true;
    event silent;
    silent.what = event::kind::silence;
    silent.connection = id;
    silent.to = to;
    events_.add(now + breaks_.between(faults_.silence_min, faults_.silence_max), std::move(silent));
}

void sim_network::silence_lasts(const event& due, time_point now) {
    const auto found = connections_.find(due.connection);
    if (found == connections_.end())
        return;
    side& receiver = found->second.sides[static_cast<std::size_t>(due.to)];
    receiver.silence_watched = false;
    if (!receiver.held.empty() || receiver.down_held)
        break_link(due.connection, found->second, now);
}

void sim_network::release_held(std::uint64_t id, connection& c, int to, time_point now) {
    side& receiver = c.sides[static_cast<std::size_t>(to)];
    std::vector<bytes> held = std::move(receiver.held);
    receiver.held.clear();
    for (bytes& data : held)
        send_ordered(id, c, to, std::move(data), now);
    if (receiver.down_held) {
        receiver.down_held = false;
        receiver.last_arrival = std::max(receiver.last_arrival, now + delay());
        down_at(id, to, receiver.last_arrival);
    }
}

void sim_network::set_cut(sim_host from, sim_host to, bool cut, time_point now) {
    hosts_[from].cut_to[to] = cut ? 1 : 0;
    if (cut)
        return;
    for (auto& [id, c] : connections_)
        for (int i = 0; i < 2; ++i)
            if (!c.broken && c.sides[static_cast<std::size_t>(i)].host == to &&
                c.sides[static_cast<std::size_t>(1 - i)].host == from)
                release_held(id, c, i, now);
}

// ---- the ends of links

void sim_network::down_at(std::uint64_t id, int to, time_point at) {
    event down;
    down.what = event::kind::link_down;
    down.connection = id;
    down.to = to;
    events_.add(at, std::move(down));
}

void sim_network::break_link(std::uint64_t id, connection& c, time_point now) {
    if (c.broken)
        return;
    c.broken = true;
    ++counters_.links_broken;
    for (int i = 0; i < 2; ++i) {
        side& s = c.sides[static_cast<std::size_t>(i)];
        counters_.packets_lost += s.held.size();
        s.held.clear();
        s.down_held = false;
        if (s.closed)
            continue;
        // Some of what is under way still comes; what comes later is the lost tail.
        const duration rest = std::max(s.last_arrival - now, duration{0});
        s.heard_until = now + breaks_.between(duration{0}, rest);
        const duration unnoticed =
            breaks_.chance(500) ? delay() : breaks_.between(duration{0}, faults_.silence_min);
        // Not before the side has heard that it is up.
        down_at(id, i, std::max(s.up ? s.heard_until : s.last_arrival, now + unnoticed));
    }
}

void sim_network::close_side(std::uint64_t id, connection& c, int which) {
    side& s = c.sides[static_cast<std::size_t>(which)];
    s.closed = true;
    hosts_[s.host].links.erase(s.link);
    if (c.sides[0].closed && c.sides[1].closed)
        connections_.erase(id);
}

void sim_network::hang_up(sim_host host, link_id link, time_point now) {
    std::uint64_t id = 0;
    int which = 0;
    connection* c = find(host, link, id, which);
    if (c == nullptr)
        return;
    const int to = 1 - which;
    side& other = c->sides[static_cast<std::size_t>(to)];
    if (!c->broken && !other.closed) {
        if (is_cut(host, other.host) || !other.held.empty()) {
            other.down_held = true;
            hold(id, *c, to, now);
        } else {
            other.last_arrival = std::max(other.last_arrival, now + delay());
            down_at(id, to, other.last_arrival);
        }
    }
    close_side(id, *c, which);
}

void sim_network::crash(sim_host host, time_point now) {
    host_state& crashed = hosts_[host];
    crashed.down = true;
    ++crashed.life;
    std::erase_if(listeners_, [host](const auto& entry) { return entry.second == host; });
    // A machine that loses its power says nothing; a process that dies is told of by its system.
    const bool silently = breaks_.chance(300);
    const auto links = crashed.links;
    for (const auto& [link, at] : links) {
        const auto found = connections_.find(at.first);
        if (found == connections_.end())
            continue;
        connection& c = found->second;
        const int to = 1 - at.second;
        side& other = c.sides[static_cast<std::size_t>(to)];
        if (!c.broken && !other.closed) {
            c.broken = true;
            ++counters_.links_broken;
            const duration rest = std::max(other.last_arrival - now, duration{0});
            other.heard_until = now + breaks_.between(duration{0}, rest);
            const bool unheard = silently || is_cut(host, other.host);
            const duration unnoticed =
                unheard ? breaks_.between(faults_.silence_min, faults_.silence_max) : delay();
            down_at(at.first, to,
                    std::max(other.up ? other.heard_until : other.last_arrival, now + unnoticed));
        }
        close_side(at.first, c, at.second);
    }
    crashed.links.clear();
}

void sim_network::restart(sim_host host) {
    EQUUS_ASSERT(hosts_[host].down);
    hosts_[host].down = false;
}

void sim_network::break_links(sim_host a, sim_host b, time_point now) {
    for (auto& [id, c] : connections_)
        if ((c.sides[0].host == a && c.sides[1].host == b) ||
            (c.sides[0].host == b && c.sides[1].host == a))
            break_link(id, c, now);
}

// ---- time

bool sim_network::deliver(event& due, time_point now, sim_delivery& out) {
    if (due.what == event::kind::dial_failed) {
        if (hosts_[due.host].life != due.life)
            return false;
        out = sim_delivery{};
        out.what = sim_delivery::kind::dial_failed;
        out.to = due.host;
        out.dial = due.dial;
        return true;
    }
    const auto found = connections_.find(due.connection);
    if (found == connections_.end()) {
        counters_.packets_lost += due.what == event::kind::packet ? 1 : 0;
        return false;
    }
    connection& c = found->second;
    side& to = c.sides[static_cast<std::size_t>(due.to)];
    const bool packet = due.what == event::kind::packet;
    if (to.closed || (packet && (!to.up || now > to.heard_until))) {
        if (packet)
            lost(c.sides[static_cast<std::size_t>(1 - due.to)].host, to.host);
        return false;
    }
    out = sim_delivery{};
    out.to = to.host;
    out.link = to.link;
    out.ordered = c.ordered;
    if (packet) {
        ++counters_.packets_delivered;
        counters_.packets_overtaken += due.order < to.last_delivered ? 1 : 0;
        to.last_delivered = std::max(to.last_delivered, due.order);
        out.data = std::move(due.data);
    } else if (due.what == event::kind::link_up) {
        out.what = sim_delivery::kind::link_up;
        out.dial = to.dial;
        to.up = true;
    } else {
        out.what = sim_delivery::kind::link_down;
        close_side(due.connection, c, due.to);
    }
    return true;
}

bool sim_network::next(time_point now, sim_delivery& out) {
    while (!events_.empty() && events_.next_at() <= now) {
        const time_point at = events_.next_at();
        event due = events_.take();
        if (due.what == event::kind::dial) {
            if (hosts_[due.host].life == due.life)
                dial_arrives(due, at);
        } else if (due.what == event::kind::silence) {
            silence_lasts(due, at);
        } else if (deliver(due, at, out)) {
            return true;
        }
    }
    return false;
}

} // namespace equus::transport
