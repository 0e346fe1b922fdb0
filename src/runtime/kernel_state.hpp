// What a kernel knows: its tables, its links, its view of the members. docs/protocol.md, "Tables of
// a kernel", says what each is for and when its rows end; the verbs are in kernel_impl.hpp.
#pragma once

#include "runtime/bulk_records.hpp"
#include "runtime/frames.hpp"
#include "runtime/incarnation_index.hpp"
#include "runtime/moving.hpp"
#include "runtime/packet_pool.hpp"
#include "runtime/pool.hpp"
#include "runtime/records.hpp"
#include "runtime/run_queue.hpp"
#include "runtime/session.hpp"
#include "runtime/slots.hpp"
#include "runtime/timers.hpp"

#include <equus/kernel/kernel.hpp>
#include <equus/kernel/mutants.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace equus {

struct kernel_state {
    using incarnation_record = runtime::incarnation_record;
    using stream_record = runtime::stream_record;
    using stream_leg = runtime::stream_leg;
    using port_record = runtime::port_record;
    using leg_entry = detail::leg_entry;
    using envelope = detail::envelope;
    using operation = detail::operation;
    using capability = detail::capability;

    kernel_state(kernel_options given, const module_table& table);

    kernel_options options;
    const bool tracing; ///< whether anybody asked for the trace
    const module_table& modules;
    kernel_counters counters;
    time_point now;

    runtime::memory_pool pool;
    runtime::bulk_pool bulk_memory;
    runtime::packet_pool packets;
    runtime::bulk_tables bulk;
    runtime::slot_table<runtime::buffer_record> buffers;
    runtime::timer_heap timers;

    std::uint32_t next_incarnation = 1;
    runtime::slot_table<incarnation_record> incarnations;
    runtime::slot_table<port_record> ports;
    runtime::slot_table<stream_leg> stream_legs;
    runtime::slot_table<leg_entry> port_legs;
    runtime::slot_table<stream_record> followed; ///< streams that follow a channel's membership
    runtime::incarnation_index by_id;
    std::map<incarnation_id, runtime::launch_info> launches;
    std::map<channel_id, runtime::channel_record> channels;
    std::set<stream_record*, bool (*)(const stream_record*, const stream_record*)> lingering;

    runtime::run_queue scheduled;
    std::uint32_t budget = 0; ///< steps left of the present turn
    time_point handlers_looked_at;
    detail::promise_base* finished_task = nullptr;

    struct call_slot {
        detail::call_operation* op = nullptr;
        call_id call;
        node_boot to; ///< who holds the call, as last known
        std::uint32_t forwards = 0;
        std::uint32_t next_free = ~0u; ///< while it is free
        envelope* held = nullptr;      ///< the message, while it is on this node and unanswered
    };
    std::vector<call_slot> calls;
    std::uint32_t free_call = ~0u; ///< the first of those that are free
    std::uint32_t calls_waiting = 0;
    std::map<call_id, envelope*> foreign_calls; ///< of other nodes' callers, here and unanswered

    leg_entry* credit_due_first = nullptr;
    std::vector<std::unique_ptr<leg_entry>> retired; ///< of closed ports, with messages in hand
    static constexpr std::size_t refused_streams_max = 1'024; ///< remembered by a port

    // What waits until the code that runs has done its work.
    bool is_deferred = false;
    std::vector<stream_record*> given_away;
    runtime::queued_call* ended_calls = nullptr;    ///< the latest first
    std::vector<leg_entry*> starved;                ///< for a message of theirs there was no memory
    time_point starved_until = time_point::never(); ///< their senders are told then

    std::uint64_t next_effect = 1;
    std::map<std::uint64_t, detail::effect_operation*> effects;
    std::uint64_t next_request = 1;
    struct pending_request {
        detail::request_operation* op = nullptr;
        node_boot to;
        /// Without an operation: whoever asked for what is asked here in turn.
        node_boot relay_to;
        std::uint64_t relay_id = 0;
        reference follows = {}; ///< the stream of whose next copy a handle is wanted
        /// Without either: the kernel itself asked, about that incarnation.
        detail::request_kind kind = detail::request_kind::status;
        incarnation_id about;
        /// To be asked again elsewhere, when its subject has moved.
        std::unique_ptr<runtime::request_frame> again;
        std::uint32_t hops = 0;
    };
    std::map<std::uint64_t, pending_request> requests;

    /// Those of this node that end with a parent elsewhere or here, by the parent [K54]. A launch
    /// has all that it made; these are marked in their records instead of being listed.
    struct dependents {
        node_boot parent_at;
        std::set<incarnation_id> children;
    };
    std::map<incarnation_id, dependents> dependents_of;
    /// The watches that incarnations of this node hold: to be told of evictions and of silence, and
    /// to be ended with the watcher.
    struct watch_key {
        incarnation_id who;
        incarnation_id subject;
        node_boot at;
        friend auto operator<=>(const watch_key&, const watch_key&) = default;
    };
    std::map<watch_key, event_kinds> watches;
    /// Events of what somebody has asked for, before the answer that says what it is.
    std::vector<std::pair<incarnation_id, event>> early_events;
    /// Nodes of subjects whose silence somebody wants to hear of.
    struct probing {
        std::uint32_t watches = 0;
        bool silent = false;
    };
    std::map<node_boot, probing> probed;
    time_point next_probe = time_point::never();

    // ---- migration
    /// Of incarnations that have moved: where they are, as far as this kernel has heard.
    std::map<incarnation_id, runtime::whereabouts_body> whereabouts;
    /// Ports that have left, by the channel and the slot that they had here (rule 6).
    std::map<std::pair<channel_id, std::uint32_t>, port_id> departed_ports;
    /// Where an incarnation of this node was before; the latest last.
    std::map<incarnation_id, std::vector<node_boot>> came_from;
    /// One that is about to leave.
    struct departure {
        enum class stage : std::uint8_t { asking, resting, shipped, reclaiming };
        stage at = stage::asking;
        node_boot to;
        duration rest_within{};
        time_point until = time_point::never();
        std::string why;            ///< it is reclaimed
        epoch age;                  ///< it had when it was sealed
        std::vector<port_id> ports; ///< in the order of its image
        error end{errc::ok};        ///< it is to end, once it is somebody's again
        bool to_end = false;
        std::vector<std::pair<node_boot, runtime::request_frame>> requests; ///< that wait for that
        std::vector<event> events;
    };
    std::map<incarnation_id, departure> departures;
    /// One that has been assembled and waits for the register's word.
    struct arrival {
        std::unique_ptr<runtime::moving_incarnation> image; ///< without its state
        node_boot from;
        std::uint64_t request = 0;
        error end{errc::ok};
        bool to_end = false;
        std::vector<std::pair<node_boot, runtime::request_frame>> requests;
    };
    std::map<incarnation_id, arrival> arrivals;
    /// Frames in the name of somebody who is not known to be where they come from.
    struct stranger_frame {
        node_boot from;
        runtime::frame_kind what;
        bytes payload;
    };
    std::map<incarnation_id, std::vector<stranger_frame>> set_aside;
    std::vector<incarnation_id> places_due; ///< of these the place is known now
    /// News of moves to lives that this node has not heard of yet.
    std::vector<std::pair<node_boot, runtime::moved_frame>> news_before_view;
    /// At the root: the register of ownership.
    struct owner_record {
        node_boot at;
        epoch age;
        bool dead = false;
        std::vector<node_boot> past;
    };
    std::map<incarnation_id, owner_record> ownership;

    /// Images that came before the view they need.
    std::vector<std::pair<node_boot, runtime::request_frame>> waiting_for_view;

    // links and sessions
    struct link_record {
        link_traits traits;
        node_boot peer; ///< empty until greeted
        node_boot dialled_to;
        member_info claimed; ///< of a peer that the view does not know yet
        time_point greet_at; ///< repeat the greeting then
        /// Refused: the other side hangs up when it has read why; we do so then.
        time_point hang_up_at = time_point::never();
        bool waiting_for_view = false;
    };
    struct peer_record {
        std::unique_ptr<runtime::session> session;
        dial_id dialling;
        time_point redial_at = time_point::never();
        duration redial_delay{};
        /// It has left: it is still told so, until then at the latest.
        time_point farewell_until = time_point::never();
    };
    std::map<link_id, link_record> links;
    std::map<node_boot, peer_record> peers;
    std::map<dial_id, node_boot> dials; ///< node 0: the root, before joining
    std::uint64_t next_dial = 1;
    struct queued_output {
        output what;
        std::string text;
    };
    std::deque<queued_output> pending_outputs;
    std::deque<std::pair<link_id, bytes>> greetings;
    std::vector<node_boot>
        gone_peers; ///< whose sessions are destroyed outside of their own callbacks
    bytes output_packet;
    std::string output_text;
    node_boot output_peer; ///< whose session is asked next

    // membership
    node_boot self;
    view_version view;
    std::map<node_id, member_info> members;
    std::set<node_boot> written_off;                      ///< that left or were evicted
    std::map<std::uint64_t, node_boot> boots_by_instance; ///< root: who asked to join
    std::uint32_t next_node = 1;
    std::uint32_t next_boot = 1;
    time_point next_renewal = time_point::never();
    time_point lease_until = time_point::never();
    time_point next_watch = time_point::never(); ///< root: look for silent members
    time_point last_watch;
    time_point patience_until; ///< root: nobody is written off before
    duration join_redial{};
    time_point join_at; ///< the next attempt
    bool leaving = false;
    bool departure_told = false;
    bool ended = false; ///< `stopped` is due or has left
    bool stop_told = false;
    time_point stop_at = time_point::never(); ///< leaving: give up flushing then
    error stop_reason{errc::ok};
    error leave_reason{errc::ok};

    std::uint64_t hash = 0xcbf29ce484222325u;
};

} // namespace equus
