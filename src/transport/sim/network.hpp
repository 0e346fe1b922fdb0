// A network between hosts that exists only in memory and in virtual time. What it does to a packet
// is drawn from one seed, so that a run is repeated exactly by giving the same calls again.
//
// Two kinds of links, as a kernel meets them. An ordered link is a TCP connection: packets arrive
// in order, once, late when one was lost on the way, until the link breaks; then each side loses a
// tail of what was under way and hears of it at its own time. An unordered link loses, duplicates
// and reorders. A link is made by dialling the address another host listens at.
//
// Hosts that are cut off from each other, in one direction or both, hear nothing: an ordered link
// holds its packets and breaks when the silence lasts; an unordered one loses them.
//
// The network does not advance time. Its owner calls `next` with the present instant until there is
// nothing more, and comes back at `next_at`.
#pragma once

#include "transport/sim/event_queue.hpp"

#include <equus/base/bytes.hpp>
#include <equus/base/ids.hpp>
#include <equus/base/random.hpp>
#include <equus/base/time.hpp>
#include <equus/host/sim_faults.hpp>
#include <equus/kernel/kernel.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace equus::transport {

/// A host of the network, numbered from 0.
using sim_host = std::uint32_t;

using sim::network_faults;

/// What a host gets to hear.
struct sim_delivery {
    enum class kind : std::uint8_t { link_up, link_down, dial_failed, packet };
    kind what = kind::packet;
    sim_host to = 0;
    link_id link;
    dial_id dial; ///< of link_up (0: dialled by the other side) and dial_failed
    bool ordered = true;
    bytes data;
};

struct sim_network_counters {
    std::uint64_t packets_sent = 0;
    std::uint64_t packets_delivered = 0;
    std::uint64_t packets_lost = 0; ///< by chance, cut, break or crash
    std::uint64_t packets_duplicated = 0;
    std::uint64_t packets_overtaken = 0; ///< delivered behind one sent later on the same link
    std::uint64_t links_made = 0;
    std::uint64_t links_broken = 0;
};

class sim_network {
public:
    explicit sim_network(std::uint64_t seed);

    /// For everything that happens from now on.
    void set_faults(const network_faults& faults) { faults_ = faults; }
    const network_faults& faults() const noexcept { return faults_; }
    const sim_network_counters& counters() const noexcept { return counters_; }
    /// Called for a packet that will not arrive at `to`; may stay empty.
    std::function<void(sim_host from, sim_host to)> on_lost;

    sim_host add_host();
    std::uint32_t host_count() const noexcept { return static_cast<std::uint32_t>(hosts_.size()); }

    // ---- what a host does

    /// Accepts dials to `address` from now on; an address that is taken goes to the newcomer.
    void listen(sim_host host, std::string_view address);
    void dial(sim_host host, dial_id dial, std::string_view address, time_point now);
    /// What was sent before arrives before the other side hears of it.
    void hang_up(sim_host host, link_id link, time_point now);
    /// Unknown and broken links swallow the packet, as a socket does.
    void send(sim_host host, link_id link, std::span<const std::byte> packet, time_point now);

    // ---- what happens to hosts

    /// Nothing passes from `from` to `to` any more, or again.
    void set_cut(sim_host from, sim_host to, bool cut, time_point now);
    bool is_cut(sim_host from, sim_host to) const noexcept { return hosts_[from].cut_to[to] != 0; }
    /// The host's links end, nothing reaches it, nothing of it is under way but what has left. The
    /// others hear of it soon (a process that died) or by silence (a machine that died).
    void crash(sim_host host, time_point now);
    /// The host is back, without links, and listens nowhere.
    void restart(sim_host host);
    /// Breaks every link between the two.
    void break_links(sim_host a, sim_host b, time_point now);

    // ---- time

    /// When `next` has something at the earliest.
    time_point next_at() const noexcept { return events_.next_at(); }
    /// What is due by `now`, in order; false when there is nothing more.
    bool next(time_point now, sim_delivery& out);

private:
    struct side {
        sim_host host = 0;
        std::uint32_t life = 0;
        link_id link;
        dial_id dial;
        bool up = false;     // has heard link_up
        bool closed = false; // has heard link_down, hung up, or crashed
        // Towards this side:
        time_point last_arrival;                         // ordered: nothing comes before it
        time_point heard_until = time_point::never();    // after a break: nothing comes later
        std::uint64_t last_sent = 0, last_delivered = 0; // to count overtaking
        std::vector<bytes> held;                         // ordered, while cut off
        bool down_held = false;                          // link_down, likewise
        bool silence_watched = false;                    // an event will look whether it lasts
    };
    struct connection {
        bool ordered = true;
        bool broken = false;
        std::array<side, 2> sides;
    };
    struct host_state {
        bool down = false;
        std::uint32_t life = 0;
        std::uint64_t next_link = 1;
        std::vector<std::uint8_t> cut_to;
        std::map<link_id, std::pair<std::uint64_t, int>> links; // connection and side
    };
    struct event {
        enum class kind : std::uint8_t { dial, dial_failed, link_up, link_down, packet, silence };
        kind what = kind::packet;
        std::uint64_t connection = 0;
        int to = 0; // side
        std::uint64_t order = 0;
        sim_host host = 0; // of dial and dial_failed
        std::uint32_t life = 0;
        dial_id dial;
        std::string address;
        bytes data;
    };

    void lost(sim_host from, sim_host to);
    duration delay();
    void arrive(const event& arrived, time_point now);
    void dial_arrives(const event& dialled, time_point now);
    bool deliver(event& due, time_point now, sim_delivery& out);
    void send_ordered(std::uint64_t id, connection& c, int to, bytes data, time_point now);
    void send_unordered(std::uint64_t id, connection& c, int to, std::span<const std::byte> packet,
                        time_point now);
    void hold(std::uint64_t id, connection& c, int to, time_point now);
    void release_held(std::uint64_t id, connection& c, int to, time_point now);
    void silence_lasts(const event& due, time_point now);
    void break_link(std::uint64_t id, connection& c, time_point now);
    void down_at(std::uint64_t id, int to, time_point at);
    void close_side(std::uint64_t id, connection& c, int which);
    connection* find(sim_host host, link_id link, std::uint64_t& id, int& which);

    network_faults faults_;
    sim_network_counters counters_;
    random_sequence delays_;
    random_sequence losses_;
    random_sequence breaks_;
    random_sequence dials_;
    std::vector<host_state> hosts_;
    std::map<std::string, sim_host, std::less<>> listeners_;
    std::map<std::uint64_t, connection> connections_;
    std::uint64_t next_connection_ = 1;
    event_queue<event> events_;
};

} // namespace equus::transport
