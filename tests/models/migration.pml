/* One incarnation moves between lives (a node and its boot), lives end, and nothing happens twice.
 *
 * A stream leads from a sender to the incarnation, which answers each message that it consumes with one on
 * a stream of its own to a receiver. Sender and receiver stay. Freeze, image, install; the register
 * in the root decides by compare-and-set, for its commit as for its abort. Evicting a life is one write, and
 * everybody sees it at a time of his own. Between two lives frames keep their order; when one has been
 * evicted the other closes the session, and what was under way is lost.
 *
 * Not here: the register's own end (register.pml), a transfer at either end (transfer.pml).
 */
#ifndef LIVES
#define LIVES 3
#endif
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef EPOCHS      /* moves and refused moves in all */
#define EPOCHS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

/* ---- mutants */
#define flushed_skipped 1            /* rule 5: finish does not wait for flushed */
#define finish_before_view 2         /* rules 5, 25: finish overtakes the eviction that stood for flushed */
#define commit_ignores_epoch 3       /* the register's owner alone decides */
#define commit_ignores_eviction 4    /* rule 15 */
#define opens_on_suspicion 5         /* rule 25: the destination thinks the source is dead */
#define unfreezes_unasked 6          /* the source gives up without the register */
#define never_aborts 7               /* nobody takes back what the destination lost */
#define runs_while_frozen 8
#define discard_unanswered 9         /* rule 3: who runs again says nothing of it */
#define tombstones_dropped 10        /* rule 6: the source forgets where it went */
#define cursor_left_behind 11        /* the image begins at number 1 */
#define sent_counts_as_consumed 12   /* the image leaves out what is not acknowledged */
#define broken_at_first_sight 13     /* the sender does not ask the register */
#define evicted_before_its_lease 14  /* rule 25: a life that still runs is written off */
#define opens_before_view 18        /* rule 14 */
#define next_without_credit 19       /* rule 3: who takes over says next, and not what is consumed */
#define flushed_said_once 17         /* rule 5: it is lost with a tombstone on its way */

/* ---- witnesses */
#define commit_lost_to_abort 1
#define commit_lost_to_eviction 2
#define old_frame_met_tombstone 3
#define frozen_discarded 4
#define flushed_chased 5             /* it found that the incarnation had moved on */
#define source_died_after_commit 6
#define finished_after_eviction 7    /* an eviction stood for flushed */
#define came_back 8
#define declared_dead 9
#define old_frame_after_move 10      /* at the receiver, from where the incarnation is no more */
#define moved_twice 11
#define flushed_asked_register 12
#include "promises.pml"

/* What a life knows of the incarnation. */
#define nothing 0
#define running 1
#define frozen 2
#define prepared 3
#define moved 4
#define done 5
#define gone 6       /* the life has ended */

mtype = { message, finish, next, moved_to, credit };

typedef life_state {
    byte state; byte epoch;
    byte expected; byte consumed;       /* of the incoming stream */
    byte number; byte acknowledged;     /* of the outgoing one: next to send, and consumed at its receiver */
    byte unflushed;                     /* lives whose frames may still be under way */
    byte to; byte to_epoch;             /* the tombstone */
    bit flush_due; byte flush_to;
    byte view                           /* evictions it has seen */
}
life_state at[LIVES];

typedef image_state {
    bit under_way; byte source; byte destination;
    byte expected; byte consumed; byte acknowledged; byte unflushed; byte view
}
image_state image[EPOCHS + 1];

/* the root: ownership and membership */
byte register_life, register_epoch, evicted;
bit dead;
byte crashed, crashes_left = CRASHES;

/* sender and receiver */
byte sender_to, sender_epoch, sender_number = 1, sender_acknowledged, sender_view;
bit broken;
bit known, finished; byte receiver_expected, receiver_view, finish_view;
byte acted, effects;   /* messages consumed by the incarnation, and of its stream by the receiver */

chan to_life[LIVES] = [MESSAGES + 1] of { byte };
chan to_sender[LIVES] = [4] of { mtype, byte, byte, byte, byte };  /* place, epoch, number, consumed */
chan to_receiver[LIVES] = [MESSAGES + 2] of { mtype, byte };
chan from_receiver[LIVES] = [3] of { mtype, byte };

hidden byte j, e, n, place, age, same, done_; hidden mtype kind;
hidden byte one_runner, acts_once_in_order, effects_once_in_order, never_revived, broken_only_when_dead,
    all_done, unacknowledged_is_kept;

/* Nothing that dies from here on is of interest. */
#define over (dead || at[register_life].state == done)
#define has(set, x) (((set) >> (x)) & 1)
#define L at[i]

/* The session is closed: what is under way in it is lost. */
inline close(queue) { do :: len(queue) > 0 -> queue?_, _ :: else -> break od; skip }
inline say(i, what, where, its_epoch, value) {
    same = to_sender[i]??[what, eval(where), eval(its_epoch), eval(value), eval(L.consumed)];
    if :: !same -> to_sender[i]!what, where, its_epoch, value, L.consumed :: else fi
}
inline say_out(i, what, value) {
    same = from_receiver[i]??[what, eval(value)];
    if :: !same && !has(crashed, i) -> from_receiver[i]!what, value :: else fi
}
inline forget(i) {
    L.expected = 0; L.consumed = 0; L.number = 0; L.acknowledged = 0; L.unflushed = 0; L.epoch = 0
}
inline starts_to_run(i) {
    for (j : 0 .. LIVES - 1) { promise(one_runner, at[j].state != running) }
    L.state = running;
    L.number = L.acknowledged + 1;
    if :: MUTANT != discard_unanswered -> say(i, next, i, L.epoch, L.expected) :: else fi
}

/* ---- the incarnation where it runs */
inline recv_message(i) {
    to_life[i]?n;
    if
    :: L.state == running ->
        if
        :: n == L.expected -> L.expected++
        :: n > L.expected -> say(i, next, i, L.epoch, L.expected)
        :: else -> say(i, credit, i, 0, 0)
        fi
    :: L.state == moved -> witness(old_frame_met_tombstone); say(i, moved_to, L.to, L.to_epoch, 0)
    :: L.state == frozen -> witness(frozen_discarded)      /* answered by whoever runs next */
    :: L.state == done -> say(i, credit, i, 0, 0)
    :: else
    fi
}
inline consume(i) {
    (L.state == running || (MUTANT == runs_while_frozen && L.state == frozen)) && L.consumed + 1 < L.expected;
    L.consumed++; acted++;
    promise(acts_once_in_order, L.consumed == acted);
    promise(never_revived, !dead);
    say(i, credit, i, 0, 0)
}
inline transmit(i) {
    L.state == running && L.number <= L.consumed && nfull(to_receiver[i]);
    to_receiver[i]!message, L.number;
    L.number++
}
inline recv_credit(i) {
    from_receiver[i]?credit, n;
    if :: L.state == running && n > L.acknowledged -> L.acknowledged = n :: else fi
}
inline recv_next(i) {
    from_receiver[i]?next, n;
    if :: L.state == running && n > L.acknowledged && n < L.number -> L.number = n :: else fi
}
inline finish_stream(i) {
    L.state == running && L.acknowledged == MESSAGES && (L.unflushed == 0 || MUTANT == flushed_skipped) &&
        nfull(to_receiver[i]);
    to_receiver[i]!finish, 0;
    finish_view = (MUTANT == finish_before_view -> 0 : L.view);
    L.state = done
}

/* ---- the move */
inline freeze(i, to_life_) {
    L.state == running && L.epoch < EPOCHS && !has(L.view, to_life_) &&
        !(L.epoch == 0 && to_life_ == LIVES - 1);      /* the two others are alike */
    e = L.epoch;
    image[e].under_way = 1; image[e].source = i; image[e].destination = to_life_;
    image[e].expected = L.expected; image[e].consumed = L.consumed;
    image[e].acknowledged = L.acknowledged; image[e].unflushed = L.unflushed;
    image[e].view = L.view;
    if :: MUTANT == cursor_left_behind -> image[e].consumed = 0; image[e].expected = 1 :: else fi;
    if :: MUTANT == sent_counts_as_consumed -> image[e].acknowledged = L.consumed :: else fi;
    L.state = frozen
}
inline recv_image(epoch_) {
    image[epoch_].under_way && !has(crashed, image[epoch_].destination) &&
        (at[image[epoch_].destination].state == nothing || at[image[epoch_].destination].state == moved);
    j = image[epoch_].destination;
    image[epoch_].under_way = 0;
    if
    :: has(at[j].view, image[epoch_].source)
    :: else -> at[j].state = prepared; at[j].epoch = epoch_
    fi
}
inline commit(i) {
    L.state == prepared && register_life == image[L.epoch].source &&
        ((image[L.epoch].view & ~L.view) == 0 || MUTANT == opens_before_view) &&
        (register_epoch == L.epoch || MUTANT == commit_ignores_epoch) &&
        ((!has(evicted, register_life) && !has(evicted, i)) || MUTANT == commit_ignores_eviction);
    register_life = i; register_epoch++
}
inline see_commit(i) {
    L.state == prepared && register_life == i && register_epoch > L.epoch;
    e = L.epoch;
    L.expected = image[e].expected; L.consumed = image[e].consumed; L.acknowledged = image[e].acknowledged;
    L.unflushed = image[e].unflushed | (1 << image[e].source);
    L.unflushed = L.unflushed & ~L.view;
    L.epoch = register_epoch;
    if :: L.to_epoch > 0 -> witness(came_back) :: else fi;
    if :: register_epoch == 2 -> witness(moved_twice) :: else fi;
    starts_to_run(i)
}
inline see_refusal(i) {
    L.state == prepared && (dead || register_epoch > L.epoch) && register_life != i;
    if :: has(evicted, image[L.epoch].source) -> witness(commit_lost_to_eviction) :: else fi;
    if :: register_life == image[L.epoch].source && !dead -> witness(commit_lost_to_abort) :: else fi;
    if
    :: L.to_epoch > 0 -> L.state = moved
    :: else -> L.state = nothing
    fi;
    L.epoch = 0
}
inline suspect(i) {
    MUTANT == opens_on_suspicion && L.state == prepared;
    L.expected = image[L.epoch].expected; L.consumed = image[L.epoch].consumed; L.acknowledged = image[L.epoch].acknowledged;
    L.epoch++;
    starts_to_run(i)
}
inline abort(i) {
    L.state == frozen && register_life == i && register_epoch == L.epoch && !has(evicted, i) && MUTANT != never_aborts;
    register_epoch++
}
inline unfreeze(i) {
    MUTANT == unfreezes_unasked && L.state == frozen;
    L.state = running
}
inline see_abort(i) {
    L.state == frozen && register_life == i && register_epoch > L.epoch;
    L.epoch = register_epoch;
    starts_to_run(i)
}
inline see_moved(i) {
    L.state == frozen && register_life != i;
    L.to = image[L.epoch].destination; L.to_epoch = L.epoch + 1;
    L.state = (MUTANT == tombstones_dropped -> nothing : moved);
    L.flush_due = 1; L.flush_to = L.to;
    forget(i)
}
/* The sessions of the source have delivered all that the incarnation had sent from there. It is said to
 * where the incarnation is now: tombstones lead there, and the register when one of them is lost. */
inline flushed(i) {
    L.flush_due && empty(to_receiver[i]) &&
        (at[L.flush_to].state == running || at[L.flush_to].state == moved || dead || has(L.view, L.flush_to));
    if
    :: at[L.flush_to].state == moved -> witness(flushed_chased); L.flush_to = at[L.flush_to].to
    :: at[L.flush_to].state == gone && !dead && MUTANT != flushed_said_once -> witness(flushed_asked_register); L.flush_to = register_life
    :: else ->
        if
        :: at[L.flush_to].state == running -> at[L.flush_to].unflushed = at[L.flush_to].unflushed & ~(1 << i)
        :: else
        fi;
        L.flush_due = 0; L.flush_to = 0
    fi
}

/* ---- ends and evictions */
inline crash(i) {
    crashes_left > 0 && !has(crashed, i) && !over;
    crashes_left--;
    crashed = crashed | (1 << i);
    if :: L.state == frozen && register_life != i -> witness(source_died_after_commit) :: else fi;
    forget(i);
    L.state = gone; L.to = 0; L.to_epoch = 0; L.flush_due = 0; L.flush_to = 0; L.view = 0;
    do :: len(to_life[i]) > 0 -> to_life[i]?_ :: else -> break od;
    close(from_receiver[i])
}
inline evict(i) {
    has(crashed, i) && !has(evicted, i);
    evicted = evicted | (1 << i);
    if :: register_life == i -> witness(declared_dead); dead = 1 :: else fi
}
inline evict_early(i) {
    MUTANT == evicted_before_its_lease && !has(evicted, i) && register_life == i && L.state == running;
    evicted = evicted | (1 << i); dead = 1
}
inline see(i, lost) {
    has(evicted, lost) && !has(L.view, lost) && !has(crashed, i) && !over;
    L.view = L.view | (1 << lost);
    if
    :: has(L.unflushed, lost) -> witness(finished_after_eviction); L.unflushed = L.unflushed & ~(1 << lost)
    :: else
    fi
}
inline sender_sees(i) {
    has(evicted, i) && !has(sender_view, i);
    sender_view = sender_view | (1 << i);
    do :: len(to_sender[i]) > 0 -> to_sender[i]?_, _, _, _, _ :: else -> break od;
    skip
}
inline receiver_sees(i) {
    has(evicted, i) && !has(receiver_view, i) && !finished && !dead;
    receiver_view = receiver_view | (1 << i);
    close(to_receiver[i])
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
    :: kind != moved_to && done_ > sender_acknowledged && (kind == credit || MUTANT != next_without_credit) ->
        sender_acknowledged = done_;
        if :: sender_number <= done_ -> sender_number = done_ + 1 :: else fi
    :: else
    fi;
    if
    :: kind == next && age >= sender_epoch -> sender_goes_to(place, age, n)
    :: kind == moved_to && age > sender_epoch -> sender_goes_to(place, age, 0)
    :: else
    fi
}
/* The place has been evicted: the register says where the incarnation is, or that it is dead. */
inline sender_asks() {
    !broken && has(sender_view, sender_to);
    if
    :: dead || MUTANT == broken_at_first_sight ->
        promise(broken_only_when_dead, dead);
        broken = 1
    :: else -> sender_goes_to(register_life, register_epoch, 0)
    fi
}

/* ---- the receiver */
inline receiver_hears(i) {
    to_receiver[i]?message, n;
    if
    :: !known -> known = 1; receiver_expected = 1
    :: else
    fi;
    if :: has(L.unflushed, i) || L.state != running -> witness(old_frame_after_move) :: else fi;
    if
    :: n == receiver_expected ->
        receiver_expected++; effects++;
        promise(effects_once_in_order, n == effects);
        say_out(i, credit, n)
    :: n > receiver_expected -> say_out(i, next, receiver_expected)
    :: else -> j = receiver_expected - 1; say_out(i, credit, j)
    fi
}
inline receiver_finishes(i) {
    to_receiver[i]?[finish, _] && (finish_view & ~receiver_view) == 0;
    to_receiver[i]?finish, _;
    known = 0; receiver_expected = 0; finished = 1
}

active proctype at_the_end() {
    d_step {
        timeout ->
        promise(all_done, dead || (finished && effects == MESSAGES && acted == MESSAGES && sender_acknowledged == MESSAGES));
        promise(all_done, !dead || broken || sender_acknowledged == MESSAGES || !has(sender_view, sender_to))
    }
}

#define each_life(what) :: d_step { what(0) } :: d_step { what(1) } :: d_step { what(2) }
#define each_two(what) \
    :: d_step { what(0, 1) } :: d_step { what(0, 2) } :: d_step { what(1, 0) } \
    :: d_step { what(1, 2) } :: d_step { what(2, 0) } :: d_step { what(2, 1) }

init {
    report_witnesses();
    d_step { at[0].state = running; at[0].expected = 1; at[0].number = 1 }
end:
    do
    :: d_step { sender_sends() }
    :: d_step { sender_asks() }
    each_life(sender_hears)
    each_life(recv_message)
    each_life(consume)
    each_life(transmit)
    each_life(recv_credit)
    each_life(recv_next)
    each_life(finish_stream)
    each_life(receiver_hears)
    each_life(receiver_finishes)
    each_two(freeze)
    :: d_step { recv_image(0) }
    :: d_step { recv_image(1) }
    each_life(commit)
    each_life(see_commit)
    each_life(see_refusal)
    each_life(abort)
    each_life(see_abort)
    each_life(see_moved)
    each_life(flushed)
    each_life(suspect)
    each_life(unfreeze)
    each_life(crash)
    each_life(evict)
    each_life(evict_early)
    each_life(sender_sees)
    each_life(receiver_sees)
    each_two(see)
    od
}
