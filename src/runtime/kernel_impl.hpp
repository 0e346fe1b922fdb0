// The kernel's verbs, one file a concern, on the state of kernel_state.hpp:
//
//   kernel.cpp        the door: inputs, outputs, deadlines
//   scheduler.cpp     whose turn it is, coroutines resumed, handlers begun and ended
//   incarnations.cpp  creation and ending
//   interfaces.cpp    an incarnation's interfaces, seen from inside
//   watchers.cpp      who is told of an incarnation's fate
//   events.cpp        events on their way inside of an incarnation
//   interrupts.cpp    turns of incarnations that do not simply run: frozen, faulting, interrupted
//   orders.cpp        what parents order: freeze, unfreeze, inspection, the control port
//   dependencies.cpp  who ends with whom
//   image.cpp         capture, image, restore: copies of INCHOATE incarnations, fork
//   departures.cpp    an incarnation leaves
//   arrivals.cpp      and arrives
//   rest.cpp          when it may
//   moving.cpp        what goes with it, as a value
//   whereabouts.cpp   where those are that have moved; legs that change their place
//   ownership.cpp     the register of ownership, at the root
//   references.cpp    reference tables, capabilities in and out of messages
//   streams.cpp       sending: numbers, credit, retention, channels with many ports
//   ports.cpp         receiving: cursors, queues, consumption, credit returned
//   bounds.cpp        limits that a configuration sets: credit, queues, calls
//   breaks.cpp        what is left of broken streams; stuck receivers given up
//   regulation.cpp    ports looked into; clients frozen and invalidated
//   queued_calls.cpp  invocations that nobody awaits
//   dgrams.cpp        messages that may be lost
//   handles.cpp       handles on streams and ports; what is given away
//   inbound.cpp       what a peer says of legs and calls, and whether it is its business
//   calls.cpp         invocations, replies, effects, the table of calls
//   buffers.cpp       buffers, their handles, copies within the node
//   copies.cpp        copies between nodes: asked for, sent in chunks
//   placing.cpp       copies that are read from the link to where they belong
//   bulk.cpp          bulk of messages: kept, sent early, fetched
//   requests.cpp      what kernels ask of each other
//   channels.cpp      multicast and anycast channels' membership
//   links.cpp         links, greetings, sessions, inbound frames by kind
//   membership.cpp    the register at the root, its view everywhere, leases
//   observe.cpp       status, invariants, trace
//   waits.cpp         who waits for what
#pragma once

#include "runtime/kernel_state.hpp"

namespace equus {

struct kernel_impl : kernel_state {
    kernel_impl(kernel_options given, const module_table& table);
    ~kernel_impl();

    // ------------------------------------------------------------------ scheduler.cpp
    void schedule(incarnation_record& inc) noexcept;
    void run_turn(incarnation_record& inc, std::size_t& steps);
    /// One message handled or coroutine resumed; false: it has nothing to do.
    bool step(incarnation_record& inc, bool may_dispatch);
    void count_steps(incarnation_record& inc, std::size_t steps);
    void resume(incarnation_record& inc, std::coroutine_handle<> coroutine);
    void settle_finished(incarnation_record& inc);
    /// The handler of the message in hand has used up what it may: it ends where it is.
    void fail_handler(incarnation_record& inc, error reason);
    void look_at_handlers();
    /// Requires: has_message.
    void dispatch(incarnation_record& inc, port_record& port);
    /// The handler of the message begins, and runs until it waits or ends.
    void handle(incarnation_record& inc, port_record& port, envelope* message);
    void end(operation& op, error outcome);
    /// Without an error.
    void end(operation& op);
    void time_out(operation& op);
    void cut_off(operation& op, errc not_begun, errc maybe);
    void set_deadline(operation& op, duration timeout);
    const char* why_it_waits(operation& op, reference by) noexcept;

    // ------------------------------------------------------------------ incarnations.cpp
    result<incarnation_record*> create(const creation& what, std::vector<capability> given,
                                       incarnation_id launch, node_boot launch_at);
    result<incarnation_record*> assemble(const detail::module_type& module,
                                         std::uint64_t memory_bytes, priority_level priority,
                                         incarnation_id launch, node_boot launch_at);
    void disassemble(incarnation_record& inc, bool with_object = true);
    void publish(incarnation_record& inc);
    void begin_life(incarnation_record& inc, task<> life);
    result<void> set_parameters(incarnation_record& inc, const rdc_values& values);
    void end_incarnation(incarnation_record& inc, error reason);
    void end_handler(incarnation_record& inc);
    void request_end(incarnation_record& inc, error reason);
    /// Destroys the record; its memory stays until its last block has been freed.
    void forget(incarnation_record& inc);
    /// It was given more than its limit where it could not be refused: it ends, unless it has given
    /// that back.
    void check_heap(incarnation_record& inc);
    incarnation_record* find(incarnation_id id) const noexcept;
    /// Its life has begun well: it serves.
    void serves(incarnation_record& inc);

    // ------------------------------------------------------------------ watchers.cpp
    void tell_watchers(incarnation_record& inc, event what);
    bool tell_of_fault(incarnation_record& inc);
    void deliver_event(incarnation_id to, event what);
    bool answer_is_due(incarnation_id to, const event& what) const noexcept;
    void request_is_over() noexcept;
    void send_event(const runtime::watcher& to, const event& what);
    void member_event(const event& what);
    void add_watcher(incarnation_id subject, runtime::watcher who);
    void remove_watcher(incarnation_id subject, const runtime::watcher& who);
    void go_on_unwatched(incarnation_record& inc);
    void watch_is_asked(incarnation_record& inc, const runtime::handle_record& handle,
                        const runtime::request_frame& frame);
    void note_watch(incarnation_id who, incarnation_id subject, node_boot at, event_kinds kinds);
    void forget_watch(incarnation_id who, incarnation_id subject, node_boot at, event_kinds kinds);
    void forget_watches_of(incarnation_id who);
    void forget_watches_silently(incarnation_id who);
    void watch_again(incarnation_record& inc, incarnation_id subject, node_boot last_at,
                     event_kinds kinds);
    void end_watch(incarnation_id who, incarnation_id subject, node_boot at);
    void watched_node_is_gone(node_boot who, errc reason, const std::string& name);
    void probe_watched_nodes();

    // ------------------------------------------------------------------ events.cpp
    void raise(incarnation_record& inc, event what);
    void stop_hearing(detail::event_operation& op) noexcept;
    bool is_there(incarnation_record& inc, reference which, event_kind kind);
    void port_changed(port_record& port);
    void stream_changed(stream_record& stream);
    void stream_is_exhausted(stream_record& stream);
    void stream_failed(stream_record& stream);
    bool local_event(incarnation_record& inc, const void* record, event_kind kind);
    void was_taken(incarnation_record& inc, const event& what);

    // ------------------------------------------------------------------ interrupts.cpp
    /// It has something to do beside its own code: the rest of its turn waits.
    void hold(incarnation_record& inc, std::uint8_t why) noexcept;
    void run_held(incarnation_record& inc, std::size_t& steps);
    bool held_has_work(incarnation_record& inc) noexcept;
    bool held_step(incarnation_record& inc);
    bool begin_control(incarnation_record& inc);
    bool begin_interrupt(incarnation_record& inc);
    void interrupt_ended(incarnation_record& inc) noexcept;
    void end_interrupts(incarnation_record& inc) noexcept;
    void fault(incarnation_record& inc, error reason);

    // ------------------------------------------------------------------ orders.cpp
    std::optional<runtime::answer_frame> order(node_boot from, const runtime::request_frame& frame);
    std::optional<runtime::answer_frame> carry_out(incarnation_record& inc,
                                                   const runtime::request_frame& frame);
    void order_is_done(incarnation_record& inc, runtime::answer_frame answer);
    void refuse_orders(incarnation_record& inc);
    void now_frozen(incarnation_record& inc);
    runtime::answer_frame unfreeze(incarnation_record& inc, priority_level priority);
    runtime::answer_frame report_of(incarnation_record& inc);
    runtime::answer_frame inspect(incarnation_record& inc);
    static bytes encoded_part(const detail::message_type* type, void* (*part)(void*) noexcept,
                              incarnation_record& inc);
    runtime::answer_frame open_control(incarnation_record& inc, std::uint64_t protocol);

    // ------------------------------------------------------------------ dependencies.cpp
    void parent_ended(incarnation_id parent, const event& what);
    void depend(incarnation_record& child, incarnation_id parent, node_boot parent_at,
                dependency kind = dependency::absolute);
    void depend_no_more(incarnation_record& child, incarnation_id parent);

    // ------------------------------------------------------------------ image.cpp
    result<runtime::incarnation_image>
    capture(incarnation_record& inc, std::span<const reference> listed, bool moving = false);
    runtime::image_port image_of(const port_record& port, std::uint32_t index, bool listed) const;
    void capture_reference(incarnation_record& inc, std::uint32_t index,
                           runtime::incarnation_image& into, bool moving);
    static result<void> decode_over(const detail::message_type& type, void* object,
                                    const bytes& from);
    result<incarnation_record*> restore(const runtime::incarnation_image& image, bool forked_child,
                                        const creation& what, std::span<const capability> given,
                                        std::vector<capability>& opened,
                                        std::vector<std::uint32_t>& streams);
    bool restore_references(incarnation_record& inc, const runtime::incarnation_image& image,
                            std::span<const capability> given, const creation& what,
                            const std::vector<runtime::moving_stream>* moving = nullptr);
    runtime::reference_entry restored_port(incarnation_record& inc, const runtime::image_port& from,
                                           std::uint32_t declared);
    void attach_restored(incarnation_record& inc, const runtime::image_port& from,
                         std::vector<capability>& opened, std::vector<std::uint32_t>& streams);
    std::optional<runtime::answer_frame> copy_or_fork(node_boot from,
                                                      const runtime::request_frame& frame);
    std::optional<runtime::answer_frame> restore_request(node_boot from,
                                                         const runtime::request_frame& frame);
    void look_at_waiting_images();
    runtime::answer_frame restored(const runtime::request_frame& frame,
                                   const runtime::restore_body& body);
    void redeem_forked(incarnation_record& inc, runtime::answer_frame& frame);

    // ------------------------------------------------------------------ references.cpp
    reference add_reference(incarnation_record& inc, runtime::reference_entry entry);
    runtime::reference_entry* lookup(incarnation_record& inc, reference which) noexcept;
    void drop_reference(incarnation_record& inc, std::uint32_t index) noexcept;
    result<capability> export_reference(incarnation_record& inc, reference which,
                                        incarnation_id receiver);
    result<capability> describe_reference(incarnation_record& inc, reference which);
    result<std::vector<capability>> export_references(incarnation_record& inc,
                                                      const detail::message_type& type,
                                                      void* object, incarnation_id receiver,
                                                      node_boot answered = {});
    void tell_of_propagation(const incarnation_record& by, const capability& what,
                             incarnation_id receiver);
    reference import_capability(incarnation_record& inc, const capability& from);
    void redeem(incarnation_record& inc, const detail::message_type& type, void* object,
                const capability* capabilities, std::size_t count);
    result<void> export_message(incarnation_record& inc, envelope& message,
                                incarnation_id receiver);
    reference make_handle(incarnation_record& inc, incarnation_id id, place at);

    // ------------------------------------------------------------------ handles.cpp
    reference make_named(incarnation_record& inc, const capability& of);
    stream_record* find_stream(stream_id id) noexcept;
    std::uint64_t wanted_of(incarnation_record& inc, reference original, node_boot copied_to);
    void end_following(incarnation_record& inc, reference original, error why);
    void reply_is_dropped(incarnation_record& inc, const detail::message_type& type, void* object);
    void copy_is_made(const capability& from, const stream_record* copy);
    void no_copies(std::span<const capability> wanted);
    void give_away(incarnation_record& inc, std::uint32_t index);
    void give_away_marked(incarnation_record& inc, std::vector<reference>& marked);
    void settle_deferred();

    // ------------------------------------------------------------------ streams.cpp
    stream_record* make_stream(incarnation_record& owner, std::uint64_t protocol);
    void bind(stream_record& stream, const capability& to);
    stream_leg& add_leg(stream_record& stream, port_id port, place at, std::uint16_t credit_first);
    void remove_leg(stream_record& stream, stream_leg& leg) noexcept;
    detail::progress transmit(stream_record& stream, envelope* message, error& why);
    detail::progress transmit_unicast(stream_record& stream, stream_leg& leg, envelope* message,
                                      error& why);
    detail::progress transmit_multicast(stream_record& stream, envelope* message, error& why);
    void send_local(stream_leg& leg, envelope* message);
    void send_remote(stream_leg& leg, envelope* message, bool keep = false);
    envelope* encoded_copy(const envelope& message, runtime::account& to);
    leg_entry* join_halves(stream_leg& leg);
    void resend(stream_leg& leg, std::uint64_t from);
    void wake_senders(stream_record& stream);
    void credit_came(stream_leg& leg, std::uint64_t consumed, std::uint64_t limit_messages,
                     std::uint64_t limit_bytes);
    void break_stream(stream_record& stream, errc reason);
    void leg_is_broken(stream_leg& leg, std::uint64_t consumed_to);
    void end_waiting(stream_record& stream) noexcept;
    void close_stream(stream_record& stream) noexcept;
    void finish_leg(stream_leg& leg);
    void finish_if_drained(stream_record& stream);
    void free_stream(stream_record& stream) noexcept;
    void set_members(stream_record& stream, std::uint32_t version,
                     const std::vector<runtime::channel_member>& list);

    runtime::retained_message* retain(stream_leg& leg, const envelope& message);

    // ------------------------------------------------------------------ breaks.cpp
    bool keep_in_doubt(stream_record& stream, stream_leg& leg);
    void some_are_stuck(stream_record& stream, std::uint32_t bytes);
    void patience_is_over(stream_record& stream);
    static bool is_given_up(const stream_record& stream, port_id port) noexcept;

    // ------------------------------------------------------------------ regulation.cpp
    void regulate_stream(stream_record& stream, regulation what);
    result<void> regulate_client(port_record& port, stream_id client, regulation what);
    void invalidate_client(port_record& port, leg_entry& leg);
    void return_undelivered(envelope* message, const char* why);
    void break_entry(leg_entry& leg);
    void retire(leg_entry& leg);
    void consumed_late(leg_entry& leg) noexcept;
    void recv_regulate(node_boot from, const runtime::regulate_frame& frame);

    // ------------------------------------------------------------------ queued_calls.cpp
    runtime::queued_call* queue_call(stream_record& stream, detail::queueing_operation& by);
    void queue_now(stream_record& stream, detail::queueing_operation& op);
    void fill_queue(stream_record& stream);
    void queued_call_ended(runtime::queued_call& call);
    void settle_queued_calls();
    void call_is_settled(stream_record& stream, runtime::queued_call& call);
    void forget_queued_calls(stream_record& stream) noexcept;
    void withdraw_queueing(detail::queueing_operation& op) noexcept;

    // ------------------------------------------------------------------ dgrams.cpp
    void send_dgram(stream_record& stream, envelope* message);
    void dgram_to(const stream_leg& leg, envelope& message);
    bool has_room_for_dgram(const port_record& port) const noexcept;
    void recv_dgram(node_boot from, std::span<const std::byte> payload);

    // ------------------------------------------------------------------ ports.cpp
    port_record* make_port(incarnation_record& owner, const detail::protocol_type& protocol,
                           const detail::handler* handlers);
    leg_entry& entry_for(port_record& port, stream_id stream);
    void enqueue(port_record& port, envelope* message);
    bool offer(port_record& port, const envelope& arrived);
    /// Whether a message waits that anybody is still interested in.
    bool has_message(port_record& port) noexcept {
        return port.queued != 0 && (!port.queue.front()->cancelled || drop_given_up(port));
    }
    bool drop_given_up(port_record& port) noexcept;
    /// Requires: has_message.
    envelope* take_first(port_record& port) noexcept;
    envelope* take(port_record& port, const detail::message_filter& wanted) noexcept;
    void consumed(envelope* message) noexcept;
    void grant(leg_entry& leg) noexcept;
    void credit_is_due(leg_entry& leg) noexcept;
    void send_credits();
    void end_entry(leg_entry& leg) noexcept;
    void close_port(port_record& port, errc reason);
    void end_receivers(incarnation_record& inc);
    void recv_message(node_boot from, std::span<const std::byte> payload);
    void ask_again(leg_entry& leg);
    void tell_starved();

    // ------------------------------------------------------------------ inbound.cpp
    std::uint32_t proof_of(call_id call) const noexcept;
    bool may_send(node_boot from, const runtime::message_header& header) noexcept;
    void recv_reply(node_boot from, std::span<const std::byte> payload);
    void recv_credit(node_boot from, std::span<const std::byte> payload);
    void recv_next(node_boot from, const runtime::next_frame& frame);
    void recv_moved(node_boot from, const runtime::moved_frame& frame);
    void recv_seek(node_boot from, const runtime::seek_frame& frame);
    void recv_finish(node_boot from, const runtime::finish_frame& frame);
    void recv_broken(node_boot from, const runtime::broken_frame& frame);
    void recv_event(node_boot from, runtime::event_frame& frame);
    void recv_members(node_boot from, const runtime::channel_members_frame& frame);
    void recv_members_known(node_boot from, const runtime::members_known_frame& frame);

    // ------------------------------------------------------------------ rest.cpp
    const char* why_it_stays(incarnation_record& inc) const noexcept;
    const char* why_no_rest(incarnation_record& inc) const noexcept;
    void offer_all(incarnation_record& inc);

    // ------------------------------------------------------------------ moving.cpp
    result<runtime::moving_incarnation> capture_moving(incarnation_record& inc);
    runtime::moving_port value_of_port(const port_record& port) const;
    runtime::moving_leg value_of_leg(stream_leg& leg);
    runtime::moving_stream value_of_stream(const runtime::reference_entry& entry,
                                           std::uint32_t index);
    result<incarnation_record*> install(const runtime::moving_incarnation& image);
    bool install_stream(incarnation_record& inc, const runtime::moving_stream& from,
                        runtime::reference_entry& into);
    bool install_port(port_record& port, const runtime::moving_port& from);
    void dispose(incarnation_record& inc);

    // ------------------------------------------------------------------ departures.cpp
    std::optional<runtime::answer_frame> begin_departure(incarnation_record& inc,
                                                         const runtime::request_frame& order);
    void begin_rest(incarnation_record& inc, departure& out);
    void ship(incarnation_record& inc);
    void seal(incarnation_record& inc);
    void resume_here(incarnation_record& inc, error why);
    void has_departed(incarnation_record& inc, const runtime::installed_body& there);
    void tell_of_departure(incarnation_record& inc, const departure& out,
                           const runtime::installed_body& there, epoch age);
    void departure_answered(detail::request_kind asked, incarnation_id who,
                            runtime::answer_frame answer);
    void reclaim(incarnation_record& inc, departure& out, const char* why);
    void look_at_departures();
    time_point departures_deadline() const noexcept;
    void ask_kernel(node_boot to, detail::request_kind what, incarnation_id about, bytes body);
    void ask_register(detail::request_kind what, incarnation_id about, bytes body);
    void kernel_is_answered(const pending_request& asked, runtime::answer_frame answer);

    // ------------------------------------------------------------------ arrivals.cpp
    static std::uint64_t hash_of_interfaces(const detail::module_type& module);
    runtime::answer_frame reserve(const runtime::request_frame& frame) const;
    std::optional<runtime::answer_frame> arrive(node_boot from,
                                                const runtime::request_frame& frame);
    void arrival_answered(incarnation_id who, runtime::answer_frame answer);
    void open(incarnation_record& inc, const runtime::moving_incarnation& image);
    void open_streams(incarnation_record& inc);
    void open_leg(stream_leg& leg);
    void open_ports_of(incarnation_record& inc, epoch age);
    void open_channels(incarnation_record& inc, const runtime::moving_incarnation& image,
                       epoch age);

    // ------------------------------------------------------------------ ownership.cpp
    runtime::answer_frame register_request(node_boot from, const runtime::request_frame& frame);
    std::vector<runtime::relocated> moved_away_from(node_boot gone) const;
    void forget_owners();

    // ------------------------------------------------------------------ whereabouts.cpp
    static node_boot birthplace_of(incarnation_id who) noexcept { return {who.node, who.boot}; }
    node_boot place_of(incarnation_id who, node_boot hint) const noexcept;
    epoch age_of(const incarnation_record& inc) const noexcept;
    place place_here(const port_record& port) const noexcept {
        return {self, port.slot, age_of(*port.owner)};
    }
    bool lives_at(incarnation_id who, node_boot at) const noexcept;
    bool learn(incarnation_id who, node_boot at, epoch age);
    void put_aside(incarnation_id who, node_boot from, runtime::frame_kind what,
                   std::span<const std::byte> payload);
    void take_set_aside();
    void refuse_stranger(const stranger_frame& of);
    stream_leg* find_leg(stream_id stream, std::uint32_t slot, port_id port) noexcept;
    port_record* find_port(port_id id) noexcept;
    port_record* port_of_channel(const runtime::message_header& header) noexcept;
    void leg_moves(stream_leg& leg, place to, std::uint64_t next);
    void say_hello(const stream_leg& leg);
    void seek(const stream_leg& leg);
    void sender_moves(leg_entry& entry, node_boot to);
    void part_halves(stream_leg& leg);
    void meet_halves(stream_leg& leg);
    bool waits_for_move(stream_leg& leg);
    bool answer_moved(node_boot from, const runtime::message_header& header);
    bool answer_stream_moved(node_boot from, stream_id stream, std::uint32_t leg_slot);
    void ask_again(std::uint64_t id, pending_request asked, const runtime::answer_frame& frame);
    std::optional<runtime::answer_frame> redirect(node_boot from,
                                                  const runtime::request_frame& frame, bool& held);

    // ------------------------------------------------------------------ bounds.cpp
    void bound_queue(port_record& port, std::uint32_t messages) noexcept;
    void grant_of_queue(leg_entry& leg) noexcept;
    std::uint16_t credit_first_of(const port_record& port) const noexcept;
    static void count_call(stream_record& stream, detail::call_operation& op) noexcept;
    void uncount_call(detail::call_operation& op) noexcept;

    // ------------------------------------------------------------------ calls.cpp
    bool begin_call(detail::call_operation& op);
    void drop_call(detail::call_operation& op) noexcept;
    void give_up_call(detail::call_operation& op) noexcept;
    void call_is_here(envelope& message);
    /// The same for one that is sent by its caller, whose slot it has as long as it waits.
    void own_call_is_here(envelope& message) noexcept {
        call_slot& slot = calls[message.call.slot];
        slot.held = &message;
        slot.to = self;
    }
    void free_call_slot(detail::call_operation& op) noexcept {
        if (!bulk.calls.empty()) [[unlikely]]
            bulk.calls.erase(calls[op.slot].call);
        calls[op.slot].op = nullptr;
        calls[op.slot].next_free = std::exchange(free_call, op.slot);
        op.slot = ~0u;
        --calls_waiting;
        --static_cast<incarnation_record*>(op.owner)->calls_waiting;
    }
    bool answer_here(const incarnation_record& by, envelope& message,
                     const detail::message_type& type, void* object);
    void call_is_elsewhere(const envelope& message, node_boot holder) noexcept;
    void call_is_held(node_boot from, const runtime::call_held_frame& frame);
    void cancel_call(call_id call) noexcept;
    void fail_retained_calls(runtime::stream_leg& leg);
    void answer_call(incarnation_record* by, envelope& message, const detail::message_type& type,
                     void* object);
    void fail_call(envelope& message, error reason);
    void complete_call(std::uint32_t slot, call_id call, error outcome,
                       const detail::message_type* type, void* object,
                       std::span<const std::byte> encoded, std::vector<capability>* capabilities);

    // ------------------------------------------------------------------ buffers.cpp
    runtime::buffer_record* find_buffer(buffer_id id, std::uint32_t slot) const noexcept;
    runtime::buffer_record* own_buffer(incarnation_record& inc, reference entry) noexcept;
    result<detail::buffer_view> add_buffer(incarnation_record& inc, runtime::kept_block block,
                                           std::uint64_t size);
    void drop_bulk_reference(runtime::reference_kind what, void* record) noexcept;
    result<void> describe_bulk(const runtime::reference_entry& entry, capability& out);
    reference import_bulk(incarnation_record& inc, const capability& from);
    result<std::uint64_t> check_parts(const layout& parts, std::uint64_t size) const;
    void begin_copy(incarnation_record& inc, detail::bulk_operation& op);

    // ------------------------------------------------------------------ copies.cpp
    void copy_across(detail::bulk_operation& op, const runtime::buffer_handle_record& handle,
                     std::uint64_t total);
    runtime::inbound& begin_inbound(node_boot from, std::uint64_t total);
    void pull(runtime::inbound& in, runtime::pull_frame frame);
    void end_inbound(runtime::inbound& in, error outcome);
    void give_up_copy(detail::bulk_operation& op) noexcept;
    void has_chunks(runtime::outbound& out);
    void send_chunk(node_boot to, runtime::session& with);
    void send_piece(runtime::session& with, runtime::frame_kind what, std::uint64_t id,
                    std::uint64_t position, std::span<const std::byte> piece,
                    runtime::bulk_block* block);
    void drop_outbound(const runtime::outbound& out) noexcept;
    void drop_offer(std::uint64_t put) noexcept;
    void recv_chunk(node_boot from, std::span<const std::byte> payload);
    runtime::inbound* placeable(std::span<const std::byte> head, std::size_t size_bytes,
                                runtime::packet_header& header, runtime::chunk_header& chunk);
    std::span<std::byte> place_for(link_id link, std::span<const std::byte> head, std::size_t read,
                                   std::size_t size_bytes);
    void placed_packet_came(link_id link, std::span<const std::byte> head, std::size_t size_bytes);
    void chunk_has_come(runtime::inbound& in, std::uint64_t count);
    void recv_put(node_boot from, std::span<const std::byte> payload);
    void recv_pull(node_boot from, runtime::pull_frame& frame);
    void recv_stop_pull(node_boot from, const runtime::copy_end_frame& frame);
    void recv_put_done(node_boot from, const runtime::copy_end_frame& frame);
    void recv_pull_refused(node_boot from, const runtime::copy_end_frame& frame);
    void copies_lose_node(node_boot who);
    std::string check_bulk() const;

    // ------------------------------------------------------------------ bulk.cpp
    /// Of bulk of this node in a message that has one receiver: the message's and the reference's.
    static constexpr std::uint32_t users_of_one_message = 2;
    void forget_bulk(runtime::bulk_source& source) noexcept;
    void early_is_gone(runtime::bulk_source& source) noexcept;
    void choose_early(capability* items, std::size_t count, node_boot to) noexcept;
    void send_early(runtime::bulk_source& source, runtime::session& with);
    bool keep_bulk(stream_leg& leg, const envelope& message, runtime::session* with);
    void early_was_taken(const runtime::bulk_tables::kept& kept) noexcept;
    void let_bulk_go(const stream_leg& leg, std::uint64_t number) noexcept;
    void resend_early(const stream_leg& leg, std::uint64_t number, runtime::session& with);
    void keep_reply_bulk(const std::vector<capability>& items, node_boot to,
                         runtime::session& with);
    void bulk_is_taken(node_boot by, std::uint64_t id) noexcept;
    void bulk_has_come(std::vector<capability>& items, bool in_reply);
    void recv_early(node_boot from, std::span<const std::byte> payload);
    runtime::bulk_reference* taken_by(const detail::bulk_operation& op) noexcept;
    void not_taken(const detail::bulk_operation& op) noexcept;
    void begin_fetch(incarnation_record& inc, detail::bulk_operation& op);
    void take_here(detail::bulk_operation& op, runtime::bulk_source& source, bool alone);
    void pull_bulk(detail::bulk_operation& op, runtime::held_bulk source);
    void end_fetch(detail::bulk_operation& op, std::uint64_t size, runtime::kept_block block,
                   error outcome);
    void bulk_loses_node(node_boot who);

    // ------------------------------------------------------------------ requests.cpp
    void begin_request(detail::request_operation& op, runtime::request_frame frame, node_boot to);
    void handle_request(node_boot from, const runtime::request_frame& frame);
    /// Nothing: the answer comes later, by answer_later.
    std::optional<runtime::answer_frame> perform(node_boot from,
                                                 const runtime::request_frame& frame);
    void request_was_cut_off(std::uint64_t id, std::string text);
    void answer_later(node_boot to, std::uint64_t id, runtime::answer_frame answer);
    void handle_answer(node_boot from, runtime::answer_frame frame);
    void handle_answer_for(detail::request_operation& op, runtime::answer_frame frame);

    // ------------------------------------------------------------------ channels.cpp
    void tell_members(runtime::channel_record& channel, bool asks = false);
    void tell_members(runtime::channel_record& channel,
                      const runtime::follow_channel_body& follower, bool asks);
    void settle_joins(runtime::channel_record& channel);
    void follow_channel(stream_record& stream);
    void ask_to_follow(stream_record& stream);
    void end_channels_of(incarnation_id owner);
    void channel_has_ended(stream_record& stream);
    void leave_channels(port_record& port);

    // ------------------------------------------------------------------ links.cpp
    runtime::session* session_to(node_boot who);
    template <class Frame>
    void send_frame(node_boot to, runtime::frame_kind kind, runtime::lane where,
                    const Frame& frame);
    template <class Frame>
    void send_greeting(link_id link, runtime::frame_kind kind, const Frame& frame);
    void greet(link_id link);
    void greet_once(link_id link);
    void dial(node_boot who);
    void link_is_up(link_id link, const link_traits& traits);
    void link_is_down(link_id link);
    void dial_has_failed(dial_id which);
    void packet_came(link_id link, std::span<const std::byte> packet);
    void greeting_came(link_id link, std::span<const std::byte> packet);
    void admit(link_id link, node_boot who);
    void refuse_link(link_id link, errc reason, std::string text);
    void hang_up(link_id link);
    void frame_came(node_boot from, const runtime::frame& frame);
    void drop_peer(node_boot who);
    void look_at_waiting_links();

    // ------------------------------------------------------------------ membership.cpp
    void start_membership();
    void membership_tick();
    void watch_members_now();
    member_info own_info() const;
    void asked_to_join(link_id link, const runtime::greeting_frame& greeting);
    void welcomed(const runtime::welcome_frame& frame);
    void write_view(runtime::view_change change, member_info member);
    void apply_view(const runtime::view_frame& frame);
    void evict(node_boot dead);
    void member_is_gone(node_boot who, bool by_eviction);
    void leave(error reason);
    void leave_when_flushed();
    void stop(error reason);
    bool is_member(node_boot who) const noexcept;
    bool was_written_off(node_boot who) const noexcept { return written_off.contains(who); }
    time_point membership_deadline() const noexcept;

    // ------------------------------------------------------------------ observe.cpp
    void trace(trace_kind kind, incarnation_id who, std::uint64_t a = 0, std::uint64_t b = 0,
               std::uint64_t c = 0) noexcept {
        if (tracing) [[unlikely]]
            record(kind, who, a, b, c);
    }
    void record(trace_kind kind, incarnation_id who, std::uint64_t a, std::uint64_t b,
                std::uint64_t c) noexcept;
    void record_queued(const port_record& port, const envelope& message) noexcept;
    node_status status() const;
    /// waits.cpp: what the operations of this node wait for, into the rows of its incarnations.
    void add_waits(node_status& to) const;
    incarnation_status status(incarnation_record& inc) const;
    std::string check_invariants() const;

    // ------------------------------------------------------------------ shared
    bool next_output(output& out);
    void queue_output(output what, std::string text = {}) {
        pending_outputs.push_back({std::move(what), std::move(text)});
    }
    static incarnation_record* running() noexcept {
        return static_cast<incarnation_record*>(detail::running());
    }
};

} // namespace equus

#include "runtime/kernel_entry.hpp"
