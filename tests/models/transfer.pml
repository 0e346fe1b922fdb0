/* One transfer, and one behind it, while the lives of giver and taker end or leave.
 *
 * A stream's entry is given from life to life (a life is a node and its boot). Evicting a life is one write in
 * the root, and everybody sees it at a time of his own; who sees it closes the sessions with that life.
 * The giver decides by its grant; who has sealed takes back what a refusal or the taker's eviction leaves him, who
 * is installing opens without a grant only when the giver has been evicted. Every new holder writes its place to
 * the root's locate table, behind the transfer; a sender whose place is gone asks there.
 *
 * Not here: several entries and channels (rewire.pml), the incarnation's own move (migration.pml).
 */
#ifndef LIVES
#define LIVES 3
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef TRANSFERS
#define TRANSFERS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef REFUSALS
#define REFUSALS 0
#endif
#ifndef LEAVES      /* lives that leave in order */
#define LEAVES 0
#endif

/* ---- mutants */
#define opens_before_grant 1          /* rule 19 */
#define opens_on_suspicion 2          /* the taker thinks that the giver is gone */
#define reclaims_on_suspicion 3       /* the giver thinks that the taker is gone */
#define never_reclaims 4              /* not even when the taker has been evicted */
#define waits_for_grant_for_ever 5    /* not even the eviction of the giver opens */
#define refuses_after_ready 6         /* rule 19 */
#define evicted_before_its_lease 7    /* rule 25 */
#define broken_at_first_sight 8       /* the sender does not ask where it went */
#define locates_before_views 9        /* rule 21: the root answers before all have seen the eviction */
#define locates_after_one_view 17     /* rule 21: all have seen that eviction, and not those after it */
#define place_not_written 10          /* rule 21 */
#define taker_moves_unrested 11       /* rule 10: while installing, and its node leaves */
#define leaves_unrested 12            /* rule 10 */
#define session_outlives_eviction 13  /* a frame of an evicted life still counts */
#define discard_unanswered 14         /* rule 3: who opens says nothing */
#define tombstone_keeps_silent 16     /* rule 6: it leads to an evicted life, and nobody hears of that */
#define next_without_credit 15        /* rule 3 */

/* ---- witnesses */
#define refused_and_reclaimed 1
#define reclaimed_after_eviction 2
#define opened_after_eviction 3
#define old_frame_met_tombstone 4
#define holder_lost 5
#define found_by_locate 6
#define grant_lost 7                  /* given, and the giver died before it arrived */
#define offer_lost 8                  /* with its giver */
#define given_twice 9
#define sealed_discarded 10
#define left_behind_a_tombstone 11
#define tombstone_spoke 12
#include "promises.pml"

#define none 0
#define open 1
#define sealed 2
#define installing 3
#define gone 4
#define lost 5        /* the life has ended */

mtype = { next, moved, credit, move_offer, ready, grant, refuse, locate, seen };

typedef life_state {
    byte state; byte expected; byte consumed; byte epoch;
    byte to;             /* of what is sealed or gone; of what is installing: the giver */
    byte view;           /* evictions it has seen */
    byte unacknowledged  /* and has not told the root */
}
life_state at[LIVES];

#define link(a, b) ((a) * LIVES + (b))
chan between[LIVES * LIVES] = [2] of { mtype, byte, byte, byte };      /* expected, consumed, epoch */
chan to_life[LIVES] = [MESSAGES + 1] of { byte };
chan to_sender[LIVES] = [4] of { mtype, byte, byte, byte, byte };      /* place, epoch, number, consumed */
chan to_root[LIVES] = [4] of { mtype, byte };                           /* epoch; or the life whose eviction was seen */

byte crashed, evicted, crashes_left = CRASHES, leaves_left = LEAVES, refusals_left = REFUSALS, transfers_left = TRANSFERS;
byte located, located_epoch, seen_by[LIVES];                            /* the root's */
byte sender_to, sender_epoch, sender_number = 1, sender_acknowledged, sender_view;
bit broken;
byte acted;

hidden byte j, n, place, age, done_, same, x, y, z; hidden mtype kind;
hidden byte one_open, acts_once_in_order, broken_only_when_lost, all_done, lost_is_told, leaving_loses_nothing;

#define has(set, l) (((set) >> (l)) & 1)
#define L at[i]
#define holds(l) (at[l].state == open || at[l].state == sealed || at[l].state == installing)

inline say(i, what, where, its_epoch, value) {
    same = to_sender[i]??[what, eval(where), eval(its_epoch), eval(value), eval(L.consumed)];
    if :: !same -> to_sender[i]!what, where, its_epoch, value, L.consumed :: else fi
}
inline opens(i) {
    for (j : 0 .. LIVES - 1) { promise(one_open, j == i || at[j].state != open) }
    L.state = open; L.to = 0;
    if :: MUTANT != place_not_written -> to_root[i]!locate, L.epoch :: else fi;
    if :: MUTANT != discard_unanswered -> say(i, next, i, L.epoch, L.expected) :: else fi
}

/* ---- messages */
inline recv_message(i) {
    to_life[i]?n;
    if
    :: L.state == open ->
        if
        :: n == L.expected -> L.expected++
        :: n > L.expected -> say(i, next, i, L.epoch, L.expected)
        :: else -> say(i, credit, i, 0, 0)
        fi
    :: L.state == gone -> witness(old_frame_met_tombstone); say(i, moved, L.to, L.epoch, 0)
    :: L.state == sealed || L.state == installing -> witness(sealed_discarded)       /* whoever opens says next */
    :: else
    fi
}
inline consume(i) {
    L.state == open && L.consumed + 1 < L.expected;
    L.consumed++; acted++;
    promise(acts_once_in_order, L.consumed == acted);
    say(i, credit, i, 0, 0)
}

/* ---- the transfer */
inline give(i, taker) {
    L.state == open && transfers_left > 0 && !has(L.view, taker) &&
        !(taker == LIVES - 1 && transfers_left == TRANSFERS);         /* the two others are alike */
    transfers_left--;
    L.state = sealed; L.to = taker;
    if :: L.epoch == 1 -> witness(given_twice) :: else fi;
    if :: !has(crashed, taker) -> between[link(i, taker)]!move_offer, L.expected, L.consumed, L.epoch :: else fi
}
inline recv_move_offer(giver, i) {
    between[link(giver, i)]?move_offer, x, y, z;
    L.state = installing; L.expected = x; L.consumed = y; L.epoch = z + 1; L.to = giver;
    if :: !has(crashed, giver) -> between[link(i, giver)]!ready, 0, 0, 0 :: else fi;
    if :: MUTANT == opens_before_grant -> opens(i) :: else fi;
    x = 0; y = 0; z = 0
}
inline refuse_move_offer(giver, i) {
    refusals_left > 0 && between[link(giver, i)]?[move_offer, _, _, _];
    refusals_left--;
    between[link(giver, i)]?move_offer, _, _, _;
    if :: !has(crashed, giver) -> between[link(i, giver)]!refuse, 0, 0, 0 :: else fi
}
inline refuse_late(giver, i) {
    MUTANT == refuses_after_ready && refusals_left > 0 && L.state == installing && L.to == giver;
    refusals_left--;
    L.state = none;
    if :: !has(crashed, giver) -> between[link(i, giver)]!refuse, 0, 0, 0 :: else fi
}
inline recv_ready(taker, i) {
    between[link(taker, i)]?ready, _, _, _;
    if
    :: L.state == sealed && L.to == taker ->
        L.state = gone; L.epoch++; L.expected = 0; L.consumed = 0;
        if :: !has(crashed, taker) -> between[link(i, taker)]!grant, 0, 0, 0 :: else fi
    :: else
    fi
}
inline recv_refuse(taker, i) {
    between[link(taker, i)]?refuse, _, _, _;
    if :: L.state == sealed && L.to == taker -> witness(refused_and_reclaimed); opens(i) :: else fi
}
inline recv_grant(giver, i) {
    between[link(giver, i)]?grant, _, _, _;
    if :: L.state == installing -> opens(i) :: else fi
}
inline suspect(i) {
    (MUTANT == opens_on_suspicion && L.state == installing) || (MUTANT == reclaims_on_suspicion && L.state == sealed);
    opens(i)
}
/* The taker's incarnation moves to the last life in the middle of a transfer. */
inline move_unrested(i) {
    MUTANT == taker_moves_unrested && L.state == installing && at[LIVES - 1].state == none && !has(crashed, LIVES - 1);
    at[LIVES - 1].state = installing; at[LIVES - 1].expected = L.expected; at[LIVES - 1].consumed = L.consumed;
    at[LIVES - 1].epoch = L.epoch; at[LIVES - 1].to = L.to;
    L.state = none; L.expected = 0; L.consumed = 0; L.epoch = 0; L.to = 0
}

/* ---- ends */
inline close(queue) { do :: len(queue) > 0 -> queue?_, _, _, _ :: else -> break od; skip }
inline stop(i) {
    if :: L.state == open -> witness(holder_lost) :: else fi;
    crashed = crashed | (1 << i);
    L.state = lost; L.expected = 0; L.consumed = 0; L.epoch = 0; L.to = 0; L.view = 0; L.unacknowledged = 0;
    do :: len(to_life[i]) > 0 -> to_life[i]?_ :: else -> break od;
    for (j : 0 .. LIVES - 1) { close(between[link(j, i)]) };
    skip
}
inline crash(i) {
    crashes_left > 0 && !has(crashed, i);
    crashes_left--;
    stop(i)
}
inline leave(i) {
    leaves_left > 0 && !has(crashed, i) && (!holds(i) || MUTANT == leaves_unrested) && empty(to_root[i]) &&
        len(between[link(0, i)]) + len(between[link(1, i)]) + len(between[link(2, i)]) == 0 &&
        len(between[link(i, 0)]) + len(between[link(i, 1)]) + len(between[link(i, 2)]) == 0;
    leaves_left--;
    if :: L.state == gone -> witness(left_behind_a_tombstone) :: else fi;
    stop(i);
    evicted = evicted | (1 << i)
}
inline evict(i) {
    has(crashed, i) && !has(evicted, i);
    evicted = evicted | (1 << i)
}
inline evict_early(i) {
    MUTANT == evicted_before_its_lease && crashes_left > 0 && !has(evicted, i);
    crashes_left--;
    evicted = evicted | (1 << i)
}
inline see(i, ended) {
    has(evicted, ended) && !has(L.view, ended) && !has(crashed, i);
    L.view = L.view | (1 << ended);
    x = between[link(ended, i)]?[grant, _, _, _];
    if :: x -> witness(grant_lost) :: else fi;
    x = between[link(ended, i)]?[move_offer, _, _, _];
    if :: x -> witness(offer_lost) :: else fi;
    x = 0;
    if :: MUTANT != session_outlives_eviction -> close(between[link(ended, i)]) :: else fi;
    if
    :: L.state == installing && L.to == ended && MUTANT != waits_for_grant_for_ever ->
        witness(opened_after_eviction); opens(i)
    :: L.state == sealed && L.to == ended && MUTANT != never_reclaims ->
        witness(reclaimed_after_eviction); opens(i)
    :: L.state == gone && L.to == ended && MUTANT != tombstone_keeps_silent ->
        witness(tombstone_spoke); say(i, moved, L.to, L.epoch, 0)
    :: else
    fi;
    L.unacknowledged = L.unacknowledged | (1 << ended)
}
/* What it opens or takes back because of an eviction is written before the view is acknowledged. */
inline acknowledge(i, ended) {
    has(L.unacknowledged, ended);
    L.unacknowledged = L.unacknowledged & ~(1 << ended);
    to_root[i]!seen, ended
}

/* ---- the root: what it hears of one life keeps its order, so a place is written before a view is acknowledged */
inline root_hears(i) {
    to_root[i]?kind, n;
    if
    :: kind == locate -> if :: n >= located_epoch -> located = i; located_epoch = n :: else fi
    :: else -> seen_by[n] = seen_by[n] | (1 << i)
    fi
}

/* ---- the sender */
inline sender_sends() {
    !broken && sender_number <= MESSAGES && !has(sender_view, sender_to) && nfull(to_life[sender_to]);
    if :: !has(crashed, sender_to) -> to_life[sender_to]!sender_number :: else fi;
    sender_number++
}
inline sender_goes_to(where, its_epoch, value) {
    sender_to = where; sender_epoch = its_epoch;
    sender_number = (value > sender_acknowledged + 1 -> value : sender_acknowledged + 1)
}
inline sender_hears(i) {
    to_sender[i]?kind, place, age, n, done_;
    if
    :: kind != moved && done_ > sender_acknowledged && (kind == credit || MUTANT != next_without_credit) ->
        sender_acknowledged = done_;
        if :: sender_number <= done_ -> sender_number = done_ + 1 :: else fi
    :: else
    fi;
    if
    :: kind == next && age >= sender_epoch -> sender_goes_to(place, age, n)
    :: kind == moved && age > sender_epoch -> sender_goes_to(place, age, 0)
    :: else
    fi
}
inline sender_sees(i) {
    has(evicted, i) && !has(sender_view, i);
    sender_view = sender_view | (1 << i);
    do :: len(to_sender[i]) > 0 -> to_sender[i]?_, _, _, _, _ :: else -> break od;
    skip
}
/* Everybody who lives has acknowledged all that the root has written. */
#define all_have_seen(l) (!has(evicted, l) || (seen_by[l] | evicted) == (1 << LIVES) - 1)
#define settled \
    ((all_have_seen(0) && all_have_seen(1) && all_have_seen(2)) || MUTANT == locates_before_views || \
     (MUTANT == locates_after_one_view && all_have_seen(sender_to)))
inline sender_asks() {
    !broken && has(sender_view, sender_to) && (!has(evicted, located) || settled || MUTANT == broken_at_first_sight);
    if
    :: has(evicted, located) || MUTANT == broken_at_first_sight ->
        promise(broken_only_when_lost, !(holds(0) || holds(1) || holds(2)));
        promise(leaving_loses_nothing, CRASHES > 0);
        broken = 1
    :: else -> witness(found_by_locate); sender_goes_to(located, located_epoch, 0)
    fi
}

active proctype at_the_end() {
    d_step {
        timeout ->
        promise(all_done, broken || (acted == MESSAGES && sender_acknowledged == MESSAGES));
        promise(lost_is_told, broken || holds(0) || holds(1) || holds(2) || sender_acknowledged == MESSAGES)
    }
}

#define each_life(what) :: d_step { what(0) } :: d_step { what(1) } :: d_step { what(2) }
#define each_two(what) \
    :: d_step { what(0, 1) } :: d_step { what(0, 2) } :: d_step { what(1, 0) } \
    :: d_step { what(1, 2) } :: d_step { what(2, 0) } :: d_step { what(2, 1) }

init {
    report_witnesses();
    d_step { at[0].state = open; at[0].expected = 1 }
end:
    do
    :: d_step { sender_sends() }
    :: d_step { sender_asks() }
    each_life(sender_hears)
    each_life(recv_message)
    each_life(consume)
    each_two(give)
    each_two(recv_move_offer)
    each_two(recv_ready)
    each_two(recv_grant)
#if REFUSALS > 0
    each_two(refuse_move_offer)
    each_two(recv_refuse)
    each_two(refuse_late)
#endif
    each_life(suspect)
    :: d_step { move_unrested(1) }
    each_life(crash)
    each_life(leave)
    each_life(evict)
    each_life(evict_early)
    each_two(see)
    each_two(acknowledge)
    each_life(root_hears)
    each_life(sender_sees)
    od
}
