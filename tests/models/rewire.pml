/* Rewiring without faults: rebind, attach and propagate are one transfer with three scopes.
 *
 * Some streams send to ports through channels. Each stream, each port and the manager is at a node
 * of its own, and between two nodes only the messages of one stream to one port keep their order, and the
 * answers to them, as they do in a lane of a session; requests to rebind and to attach have no order. A transfer seals entries, offers them (move_offer), is answered
 * (ready or refuse) and is decided by its giver (grant). While any of this goes on the others do too.
 *
 * Not here: deaths (transfer.pml), incarnations that move (migration.pml), what stays behind when
 * the queue is left (credit.pml).
 */
#ifndef STREAMS
#define STREAMS 2
#endif
#define PORTS 3
#define CHANNELS 2
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef REBINDS     /* in all */
#define REBINDS 0
#endif
#ifndef ATTACHES
#define ATTACHES 0
#endif
#ifndef PROPAGATES
#define PROPAGATES 0
#endif
#ifndef REFUSALS
#define REFUSALS 0
#endif
#ifndef FOREIGN     /* streams from this one on begin at the second channel */
#define FOREIGN STREAMS
#endif

/* ---- mutants: one promise of the rules left out each */
#define discard_unanswered 1   /* rule 3 */
#define tombstones_dropped 2   /* rule 6 */
#define rebinds_ignored 3      /* rule 7: a hint of an earlier binding counts */
#define entry_from_any_binding 4 /* rule 7: not only count 0 starts at a default entry */
#define epochs_mixed 5         /* rule 8: hints about stream and channel are compared */
#define entry_does_not_follow 7 /* rule 9 */
#define install_waits 8        /* rule 7: a port with a transfer under way takes none */
#define opens_before_grant 9   /* rule 19: at ready */
#define refusal_forgotten 10   /* rule 19: nothing is reclaimed */
#define resent_from_wrong_number 11 /* rule 2 */
#define consumes_sealed 12     /* the queue is not sealed */
#define attach_leaves_default 13 /* rule 7: the scope of an attach is its entries alone */
#define any_epoch_starts 6     /* rule 7: an entry starts from a message that was sent before the channel left and came back */
#define owed_by_the_port 14    /* rule 3: any opening clears what the port remembers */
#define propagates_strangers 16 /* rule 9: a port takes along what belongs to a channel that has left */

/* ---- witnesses: states that a run must be able to reach */
#define refused_and_reclaimed 1
#define old_frame_met_tombstone 2
#define stranger_met_sealed_default 3
#define rebind_met_tombstone 4
#define entry_followed_its_channel 5
#define offer_crossed_offer 6
#define came_back_to_its_tombstone 7
#define queue_moved 8
#define taker_is_giver 9
#define older_epoch_met_open_default 10
#include "promises.pml"

#define none 0
#define open 1
#define sealed 2
#define installing 3
#define gone 4

mtype = { next, moved_binding, moved_channel, move_offer, ready, refuse, grant };

typedef entry_state {
    byte state; byte expected; byte consumed;
    byte rebinds; byte channel; byte channel_before;
    byte epoch; byte to
}
typedef default_state {
    byte state; byte epoch; byte to;
    byte owed             /* streams whose messages it has discarded and not answered */
}
typedef port_state {
    entry_state entry[STREAMS];
    default_state dflt[CHANNELS];
    byte propagated_to    /* PORTS: not propagated */
}
port_state port[PORTS];

typedef stream_state {
    byte channel; byte channel_before; byte rebinds; bit rebinding;
    byte rebind_at;       /* where the request to rebind goes, or waits; PORTS: nowhere */
    byte to; byte binding_epoch; byte channel_epoch;
    byte number; byte acknowledged; byte effects
}
stream_state stream[STREAMS];

typedef attach_state { bit wanted; byte channel; byte at; byte to }
attach_state attach[ATTACHES + 1];

#ifndef ANSWERS     /* under way from one port to one stream */
#define ANSWERS 5
#endif
#define link(s, p) ((s) * PORTS + (p))
chan to_port[STREAMS * PORTS] = [4] of { byte, byte, byte, byte };   /* rebinds, channel and its epoch, number */
chan to_stream[STREAMS * PORTS] = [ANSWERS] of { mtype, byte, byte, byte, byte }; /* rebinds, epoch, number or place, channel */
chan between[PORTS * PORTS] = [4] of { mtype, byte, byte };    /* sets of streams and of channels */

byte rebinds_left = REBINDS, propagates_left = PROPAGATES, refusals_left = REFUSALS;
hidden byte i, j, k;             /* scratch, within one step */
hidden byte same, p_, q_, r, c_, n, age, streams, channels;
hidden byte never_open_twice, never_installed_over_a_live_one, in_order_once, all_consumed,
    where_its_channel_is, transfers_end;

/* Something of the port is sealed: a transfer of its own is under way. */
#define busy(p) (E(p, 0).state == sealed || E(p, STREAMS - 1).state == sealed || D(p, 0).state == sealed || D(p, CHANNELS - 1).state == sealed)
#define has(set, x) (((set) >> (x)) & 1)
#define E(p, s) port[p].entry[s]
#define D(p, c) port[p].dflt[c]

/* An answer that is under way already is not said again. */
inline say(s, p, kind, bound, its_epoch, value, of_channel) {
    same = to_stream[link(s, p)]??[kind, eval(bound), eval(its_epoch), eval(value), eval(of_channel)];
    if :: !same -> to_stream[link(s, p)]!kind, bound, its_epoch, value, of_channel :: else fi
}
#define say_next(p, s) \
    say(s, p, next, E(p, s).rebinds, E(p, s).epoch, E(p, s).expected, E(p, s).channel)
#define say_moved(p, s) \
    say(s, p, moved_binding, E(p, s).rebinds, E(p, s).epoch, E(p, s).to, E(p, s).channel)
#define say_channel_moved(p, s, c) say(s, p, moved_channel, 0, D(p, c).epoch, D(p, c).to, c)

/* Seals a scope and offers it. What is sealed does not change, so the offer need not repeat it. */
inline give(p, of_streams, of_channels, q) {
    for (j : 0 .. STREAMS - 1) {
        if
        :: has(of_streams, j) -> E(p, j).state = sealed; E(p, j).to = q;
            if :: E(p, j).consumed + 1 < E(p, j).expected -> witness(queue_moved) :: else fi
        :: else
        fi
    }
    for (j : 0 .. CHANNELS - 1) {
        if :: has(of_channels, j) -> D(p, j).state = sealed; D(p, j).to = q :: else fi
    }
    between[p * PORTS + q]!move_offer, of_streams, of_channels;
    j = between[q * PORTS + p]?[move_offer, _, _];
    if :: j -> witness(offer_crossed_offer) :: else fi
}

/* The open entries of a channel at a port, into k. */
inline entries_of(p, c) {
    k = 0;
    for (j : 0 .. STREAMS - 1) {
        if :: E(p, j).state == open && E(p, j).channel == c -> k = k | (1 << j) :: else fi
    }
}

/* An open entry of a stream that was not known there yet, cursor at 1. */
inline start_entry(p, s, ch) {
    E(p, s).state = open; E(p, s).expected = 1; E(p, s).consumed = 0; E(p, s).rebinds = 0;
    E(p, s).channel = ch; E(p, s).channel_before = ch; E(p, s).epoch = 0
}

/* A message at a port: accepted, or discarded and answered, now or when its entry opens. */
inline accept(p, s) {
    if
    :: E(p, s).state == open && E(p, s).rebinds == r ->
        if
        :: n == E(p, s).expected -> E(p, s).expected = n + 1
        :: n > E(p, s).expected -> if :: MUTANT != discard_unanswered -> say_next(p, s) :: else fi
        :: else
        fi
    :: E(p, s).state == open && E(p, s).rebinds != r ->
        if :: MUTANT != discard_unanswered -> say_next(p, s) :: else fi
    :: E(p, s).state == gone -> witness(old_frame_met_tombstone); say_moved(p, s)
    :: else /* sealed, installing: whoever opens it says next */
    fi
}
/* The channel may have left the port and come back since the message was sent. */
#define of_this_time(p) (age == D(p, c_).epoch || r > 0 || MUTANT == any_epoch_starts)
inline recv_message(s, p) {
    to_port[link(s, p)]?r, c_, age, n;
    if
    :: E(p, s).state == none && (r == 0 || MUTANT == entry_from_any_binding) && D(p, c_).state == open && of_this_time(p) ->
        start_entry(p, s, c_);
        E(p, s).rebinds = r;
        accept(p, s)
    :: E(p, s).state == none && r == 0 && D(p, c_).state == open && !of_this_time(p) ->
        witness(older_epoch_met_open_default); say_channel_moved(p, s, c_)
    :: E(p, s).state == none && r == 0 && D(p, c_).state == gone -> say_channel_moved(p, s, c_)
    :: E(p, s).state == none && r == 0 && (D(p, c_).state == sealed || D(p, c_).state == installing) ->
        witness(stranger_met_sealed_default);
        if :: MUTANT != discard_unanswered -> D(p, c_).owed = D(p, c_).owed | (1 << s) :: else fi
    :: E(p, s).state != none -> accept(p, s)
    :: else /* the stream has been bound anew, and its entry is on its way here */
    fi
}

inline consume(s, p) {
    (E(p, s).state == open || (MUTANT == consumes_sealed && E(p, s).state == sealed)) &&
        E(p, s).consumed + 1 < E(p, s).expected;
    E(p, s).consumed++;
    stream[s].effects++;
    promise(in_order_once, E(p, s).consumed == stream[s].effects)
}

/* What waits until an entry is open: a rebind, an attach, what follows its channel or its port. */
#define settled(state_of) ((state_of) == open || (state_of) == gone)
inline recv_rebind(s) {
    stream[s].rebind_at < PORTS &&
        (settled(E(stream[s].rebind_at, s).state) || (E(stream[s].rebind_at, s).state == none &&
                                                settled(D(stream[s].rebind_at, stream[s].channel_before).state)));
    p_ = stream[s].rebind_at;
    c_ = stream[s].channel_before;
    if
    :: E(p_, s).state == none && D(p_, c_).state == open -> start_entry(p_, s, c_)
    :: else
    fi;
    if
    :: E(p_, s).state == none -> stream[s].rebind_at = D(p_, c_).to
    :: E(p_, s).state == gone -> witness(rebind_met_tombstone); stream[s].rebind_at = E(p_, s).to
    :: E(p_, s).state == open ->
        stream[s].rebind_at = PORTS;
        E(p_, s).rebinds = stream[s].rebinds;
        E(p_, s).channel_before = E(p_, s).channel;
        E(p_, s).channel = stream[s].channel;
        q_ = stream[s].channel;
        if
        :: p_ == q_ -> E(p_, s).channel_before = q_; say_next(p_, s)
        :: else -> give(p_, 1 << s, 0, q_)
        fi
    fi
}
inline recv_attach(a) {
    attach[a].wanted && settled(D(attach[a].at, attach[a].channel).state);
    p_ = attach[a].at; c_ = attach[a].channel; q_ = attach[a].to;
    if
    :: D(p_, c_).state == gone -> attach[a].at = D(p_, c_).to
    :: else ->
        if
        :: q_ == p_
        :: else ->
            entries_of(p_, c_);
            i = (MUTANT == attach_leaves_default -> 0 : 1 << c_);
            give(p_, k, i, q_)
        fi;
        attach[a].wanted = 0; attach[a].at = 0; attach[a].channel = 0; attach[a].to = 0
    fi
}
inline propagate(p, q) {
    propagates_left > 0 && port[p].propagated_to == PORTS && port[q].propagated_to == PORTS;
    propagates_left--;
    port[p].propagated_to = q;
    k = 0; i = 0;
    for (j : 0 .. STREAMS - 1) { 
        if
        :: E(p, j).state == open && (D(p, E(p, j).channel).state == open || MUTANT == propagates_strangers) -> k = k | (1 << j)
        :: else
        fi
    }
    for (j : 0 .. CHANNELS - 1) { if :: D(p, j).state == open -> i = i | (1 << j) :: else fi }
    if :: k || i -> give(p, k, i, q) :: else fi
}
inline follow_channel(s, p) {
    E(p, s).state == open && D(p, E(p, s).channel).state == gone && MUTANT != entry_does_not_follow;
    witness(entry_followed_its_channel);
    q_ = D(p, E(p, s).channel).to;
    give(p, 1 << s, 0, q_)
}
inline follow_port(c, p) {
    D(p, c).state == open && port[p].propagated_to < PORTS;
    entries_of(p, c);
    q_ = port[p].propagated_to;
    give(p, k, 1 << c, q_)
}

/* The transfer. */
inline forget_owed(p, c) {
    D(p, c).owed = 0;
    if :: MUTANT == owed_by_the_port -> D(p, CHANNELS - 1 - c).owed = 0 :: else fi
}
inline opened(p, streams, channels) {
    for (j : 0 .. STREAMS - 1) {
        if
        :: has(streams, j) ->
            for (i : 0 .. PORTS - 1) { promise(never_open_twice, E(i, j).state != open) }
            E(p, j).state = open;
            E(p, j).channel_before = E(p, j).channel;
            say_next(p, j)
        :: else
        fi
    }
    for (j : 0 .. CHANNELS - 1) {
        if
        :: has(channels, j) ->
            for (i : 0 .. PORTS - 1) { promise(never_open_twice, D(i, j).state != open) }
            D(p, j).state = open; D(p, j).to = p;
            for (i : 0 .. STREAMS - 1) {
                if
                :: has(D(p, j).owed, i) && E(p, i).state == none && stream[i].rebinds == 0 ->
                    say_channel_moved(p, i, j)
                :: else
                fi
            };
            forget_owed(p, j)
        :: else
        fi
    }
}
inline left(p, streams, channels) {
    for (j : 0 .. STREAMS - 1) {
        if
        :: has(streams, j) ->
            E(p, j).state = (MUTANT == tombstones_dropped -> none : gone);
            E(p, j).epoch++;
            E(p, j).expected = 0; E(p, j).consumed = 0
        :: else
        fi
    }
    for (j : 0 .. CHANNELS - 1) {
        if
        :: has(channels, j) ->
            D(p, j).state = gone; D(p, j).epoch++;
            for (i : 0 .. STREAMS - 1) {
                if :: has(D(p, j).owed, i) && E(p, i).state == none -> say_channel_moved(p, i, j) :: else fi
            };
            forget_owed(p, j)
        :: else
        fi
    }
}
inline install(p, q, streams, channels) {
    for (j : 0 .. STREAMS - 1) {
        if
        :: has(streams, j) ->
            promise(never_installed_over_a_live_one, E(q, j).state == none || E(q, j).state == gone);
            if :: E(q, j).state == gone -> witness(came_back_to_its_tombstone) :: else fi;
            E(q, j).state = installing; E(q, j).expected = E(p, j).expected; E(q, j).consumed = E(p, j).consumed;
            E(q, j).rebinds = E(p, j).rebinds; E(q, j).channel = E(p, j).channel;
            E(q, j).epoch = E(p, j).epoch + 1
        :: else
        fi
    }
    for (j : 0 .. CHANNELS - 1) {
        if
        :: has(channels, j) ->
            promise(never_installed_over_a_live_one, D(q, j).state == none || D(q, j).state == gone);
            D(q, j).state = installing; D(q, j).epoch = D(p, j).epoch + 1
        :: else
        fi
    }
}
inline reclaim(p, streams, channels) {
    for (j : 0 .. STREAMS - 1) {
        if
        :: has(streams, j) -> E(p, j).channel = E(p, j).channel_before
        :: else
        fi
    }
    opened(p, streams, channels)
}
inline recv_move_offer(p, q) {
    between[p * PORTS + q]?[move_offer, _, _] && (MUTANT != install_waits || !busy(q));
    between[p * PORTS + q]?move_offer, streams, channels;
    if :: busy(q) -> witness(taker_is_giver) :: else fi;
    install(p, q, streams, channels);
    between[q * PORTS + p]!ready, streams, channels;
    if :: MUTANT == opens_before_grant -> opened(q, streams, channels) :: else fi
}
inline refuse_move_offer(p, q) {
    between[p * PORTS + q]?[move_offer, _, _] && refusals_left > 0;
    refusals_left--;
    between[p * PORTS + q]?move_offer, streams, channels;
    between[q * PORTS + p]!refuse, streams, channels
}
inline recv_ready(p, q) {
    between[p * PORTS + q]?ready, streams, channels;
    left(q, streams, channels);
    between[q * PORTS + p]!grant, streams, channels
}
inline recv_refuse(p, q) {
    between[p * PORTS + q]?refuse, streams, channels;
    witness(refused_and_reclaimed);
    if :: MUTANT != refusal_forgotten -> reclaim(q, streams, channels) :: else fi
}
inline recv_grant(p, q) {
    between[p * PORTS + q]?grant, streams, channels;
    if :: MUTANT != opens_before_grant -> opened(q, streams, channels) :: else fi
}

/* ---- the sender */

#define X stream[s]

inline send_again_from(s, n) {
    if
    :: n > X.acknowledged + 1 -> X.number = n
    :: else -> X.number = X.acknowledged + 1
    fi
}
inline transmit(s) {
    X.number <= MESSAGES && nfull(to_port[link(s, X.to)]);
    to_port[link(s, X.to)]!X.rebinds, X.channel, X.channel_epoch, X.number;
    X.number++
}
inline recv_credit(s) {
    X.acknowledged < X.effects;
    X.acknowledged = X.effects
}
inline rebind(s) {
    rebinds_left > 0 && !X.rebinding;
    rebinds_left--;
    X.rebinding = 1; X.rebind_at = X.to; X.rebinds++;
    X.channel_before = X.channel; X.channel = CHANNELS - 1 - X.channel;
    X.to = X.channel;            /* where that channel was at the start: a hint as old as can be */
    send_again_from(s, 0)
}
#define same_binding (r == X.rebinds || MUTANT == rebinds_ignored)
inline recv_next(s, p) {
    to_stream[link(s, p)]?next, r, age, n, c_;
    if
    :: same_binding && age >= X.binding_epoch && (MUTANT != epochs_mixed || age >= X.channel_epoch) ->
        X.rebinding = 0;
        X.channel = c_; X.channel_before = c_;
        X.binding_epoch = age; X.to = p;
        if
        :: MUTANT == resent_from_wrong_number -> X.number = n + 1
        :: else -> send_again_from(s, n)
        fi
    :: else
    fi
}
inline recv_moved_binding(s, p) {
    to_stream[link(s, p)]?moved_binding, r, age, n, c_;
    if
    :: same_binding && age > X.binding_epoch && (MUTANT != epochs_mixed || age >= X.channel_epoch) ->
        X.binding_epoch = age; X.to = n;
        send_again_from(s, 0)
    :: else
    fi
}
inline recv_moved_channel(s, p) {
    to_stream[link(s, p)]?moved_channel, r, age, n, c_;
    if
    :: same_binding && (age > X.channel_epoch || age == X.channel_epoch && n == X.to) && (X.binding_epoch == 0 || MUTANT == epochs_mixed) ->
        X.channel_epoch = age; X.to = n;
        send_again_from(s, 0)
    :: else
    fi
}

/* Nothing can happen any more: everything was consumed, once, where its channel is. */
active proctype at_the_end() {
    d_step {
        timeout ->
        for (i : 0 .. STREAMS - 1) {
            promise(all_consumed, stream[i].effects == MESSAGES && stream[i].acknowledged == MESSAGES);
            promise(transfers_end, !stream[i].rebinding);
            for (j : 0 .. PORTS - 1) {
                promise(transfers_end, E(j, i).state != sealed && E(j, i).state != installing);
                promise(where_its_channel_is, E(j, i).state != open || D(j, E(j, i).channel).state == open)
            }
        }
        for (i : 0 .. CHANNELS - 1) {
            for (j : 0 .. PORTS - 1) { promise(transfers_end, D(j, i).state != sealed && D(j, i).state != installing) }
        }
        for (i : 0 .. ATTACHES) { promise(transfers_end, !attach[i].wanted) }
    }
}

#define step(what, x, y) :: d_step { what(x, y) }
#if STREAMS == 1
#define each_stream(what) :: d_step { what(0) }
#define each_stream_and_port(what) step(what, 0, 0) step(what, 0, 1) step(what, 0, 2)
#else
#define each_stream(what) :: d_step { what(0) } :: d_step { what(1) }
#define each_stream_and_port(what) \
    step(what, 0, 0) step(what, 0, 1) step(what, 0, 2) step(what, 1, 0) step(what, 1, 1) step(what, 1, 2)
#endif
#define each_two_ports(what) \
    step(what, 0, 1) step(what, 0, 2) step(what, 1, 0) step(what, 1, 2) step(what, 2, 0) step(what, 2, 1)

init {
    byte a;
    report_witnesses();
    atomic {
        for (a : 0 .. CHANNELS - 1) { D(a, a).state = open; D(a, a).to = a }
        for (a : 0 .. PORTS - 1) { port[a].propagated_to = PORTS }
        for (a : 0 .. STREAMS - 1) {
            stream[a].channel = (a >= FOREIGN -> CHANNELS - 1 : 0);
            stream[a].channel_before = stream[a].channel; stream[a].to = stream[a].channel;
            stream[a].number = 1; stream[a].rebind_at = PORTS
        }
#if ATTACHES > 0
        for (a : 0 .. ATTACHES - 1) {
            attach[a].wanted = 1;
            if :: attach[a].channel = 0 :: attach[a].channel = CHANNELS - 1 fi;
            if :: attach[a].to = 0 :: attach[a].to = 1 :: attach[a].to = PORTS - 1 fi;
            attach[a].at = attach[a].channel
        }
#endif
        a = 0
    }
end:
    do
    each_stream(transmit)
    each_stream(recv_credit)
    each_stream_and_port(recv_message)
    each_stream_and_port(consume)
    each_stream_and_port(recv_next)
    each_stream_and_port(recv_moved_binding)
    each_stream_and_port(recv_moved_channel)
#if REBINDS > 0
    each_stream(rebind)
    each_stream(recv_rebind)
#endif
#if ATTACHES > 0
    :: d_step { recv_attach(0) }
#endif
#if ATTACHES > 1
    :: d_step { recv_attach(1) }
#endif
#if PROPAGATES > 0
    step(propagate, 0, 1) step(propagate, 0, 2) step(propagate, 1, 2)
    step(follow_port, 0, 0) step(follow_port, 0, 1) step(follow_port, 1, 0) step(follow_port, 1, 1)
#endif
    each_stream_and_port(follow_channel)
    each_two_ports(recv_move_offer)
    each_two_ports(recv_ready)
    each_two_ports(recv_grant)
#if REFUSALS > 0
    each_two_ports(refuse_move_offer)
    each_two_ports(recv_refuse)
#endif
    od
}
