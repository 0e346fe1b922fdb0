/* The register is in the root's memory and synced behind. The root is lost and starts again: it collects the
 * claims of all members before it serves anybody, and what stays in doubt is declared dead.
 *
 * One incarnation, two lives that move it to and fro, each move decided by the register (migration.pml has the rest of
 * it). A compare-and-set is answered by a frame of the session with that life of the root; the register may also be
 * read. The root's disc holds what it was at some moment.
 */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef EPOCHS
#define EPOCHS 3
#endif
#ifndef CRASHES     /* of members */
#define CRASHES 1
#endif
#ifndef RESTARTS    /* of the root */
#define RESTARTS 1
#endif
#define LIVES 2

/* ---- mutants */
#define serves_before_claims 1     /* rule 16: the disc is believed */
#define serves_before_all_claims 2 /* rule 16: the first claim is believed */
#define doubtful_is_revived 3      /* rule 16 */
#define old_answer_counts 4        /* an answer of the root's former life */
#define lowest_claim_wins 5
#define runs_without_seeing 6      /* it acts before it has seen itself in the register */

/* ---- witnesses */
#define restarted_while_committing 1
#define disc_was_old 2
#define doubtful_declared_dead 3
#define claim_of_who_runs 4
#define claim_of_who_is_frozen 5
#define claim_beyond_the_disc 6
#define moved_after_restart 7
#include "promises.pml"

#define nothing 0
#define running 1
#define frozen 2
#define prepared 3
#define lost 5

typedef life_state { byte state; byte epoch; byte consumed; bit answer; bit claimed; byte claimed_state; byte claimed_epoch }
life_state at[LIVES];
typedef image_state { bit under_way; byte consumed }
image_state image[EPOCHS + 1];

#define serving 1
#define down 0
#define collecting 2
byte root = serving;
byte register_life, register_epoch, disc_life, disc_epoch;
bit dead;
byte crashed, evicted, crashes_left = CRASHES, restarts_left = RESTARTS;
byte acted;
bit restarted;
hidden byte j, e;
hidden byte one_runner, acts_once_in_order, never_revived, all_done, doubt_is_needed;

#define has(set, l) (((set) >> (l)) & 1)
#define L at[i]
#define other(i) (1 - (i))

inline starts_to_run(i) {
    promise(one_runner, at[other(i)].state != running);
    L.state = running
}
inline consume(i) {
    (L.state == running || (MUTANT == runs_without_seeing && L.state == prepared && image[L.epoch].under_way == 0)) && L.consumed < MESSAGES;
    L.consumed++; acted++;
    promise(acts_once_in_order, L.consumed == acted);
    promise(never_revived, !dead)
}

/* ---- the move: both ways to go on ask the register, and each goes on by an answer or by reading it */
inline freeze(i) {
    L.state == running && L.epoch < EPOCHS && !has(evicted, other(i));
    image[L.epoch].under_way = 1; image[L.epoch].consumed = L.consumed;
    L.state = frozen; L.answer = 0
}
inline recv_image(i, of_epoch) {
    image[of_epoch].under_way && L.state == nothing && at[other(i)].state != nothing;
    image[of_epoch].under_way = 0;
    L.state = prepared; L.epoch = of_epoch; L.consumed = image[of_epoch].consumed; L.answer = 0
}
inline commit(i) {
    root == serving && L.state == prepared && register_life == other(i) && register_epoch == L.epoch && !has(evicted, other(i));
    register_life = i; register_epoch++; L.answer = 1
}
inline abort(i) {
    root == serving && L.state == frozen && register_life == i && register_epoch == L.epoch;
    register_epoch++; L.answer = 1
}
/* The answer arrives, or the register is read. */
#define sees_itself(i) (L.answer || (root == serving && register_life == (i) && register_epoch == L.epoch + 1))
inline see_itself(i) {
    (L.state == prepared || L.state == frozen) && sees_itself(i);
    L.epoch++; L.answer = 0;
    if :: restarted && L.state == prepared -> witness(moved_after_restart) :: else fi;
    starts_to_run(i)
}
inline see_other(i) {
    (L.state == prepared || L.state == frozen) && root == serving && !L.answer &&
        (dead || register_epoch > L.epoch) && (dead || register_life != i || register_epoch > L.epoch + 1);
    L.state = nothing; L.consumed = 0; L.epoch = 0
}

/* ---- members and root end */
inline crash(i) {
    crashes_left > 0 && !has(crashed, i);
    crashes_left--;
    crashed = crashed | (1 << i);
    L.state = lost; L.epoch = 0; L.consumed = 0; L.answer = 0
}
inline evict(i) {
    root != down && has(crashed, i) && !has(evicted, i);
    evicted = evicted | (1 << i);
    if :: root == serving && register_life == i -> dead = 1 :: else fi
}
inline sync() {
    root == serving && (disc_life != register_life || disc_epoch != register_epoch);
    disc_life = register_life; disc_epoch = register_epoch
}
inline root_is_lost() {
    root != down && restarts_left > 0 && !dead;
    restarts_left--;
    if :: disc_epoch != register_epoch -> witness(disc_was_old) :: else fi;
    for (j : 0 .. LIVES - 1) {
        if :: at[j].answer -> witness(restarted_while_committing) :: else fi;
        if :: MUTANT != old_answer_counts -> at[j].answer = 0 :: else fi;
        at[j].claimed = 0; at[j].claimed_state = 0; at[j].claimed_epoch = 0
    }
    root = down; register_life = LIVES; register_epoch = 0; restarted = 1
}
inline root_starts() {
    root == down;
    if
    :: MUTANT == serves_before_claims ->
        root = serving; register_life = disc_life; register_epoch = disc_epoch;
        if :: has(evicted, register_life) -> dead = 1 :: else fi
    :: else -> root = collecting
    fi
}
/* A claim: the state and epoch of now, given in the session with this life of the root; answers of its former life are
 * not taken any more. What has been frozen or prepared waits until the root serves. */
inline claim(i) {
    root == collecting && !L.claimed && !has(crashed, i);
    L.claimed = 1; L.claimed_state = L.state; L.claimed_epoch = L.epoch
}
#define claims(i, what) (at[i].claimed && at[i].claimed_state == what)
#define answered(i) (at[i].claimed || has(evicted, i))
inline decide() {
    root == collecting && ((answered(0) && answered(1)) ||
        (MUTANT == serves_before_all_claims && (at[0].claimed || at[1].claimed)));
    root = serving;
    /* The highest epoch of those who run or are frozen. */
    e = LIVES;
    for (j : 0 .. LIVES - 1) {
        if
        :: (claims(j, running) || claims(j, frozen)) &&
               (e == LIVES || (MUTANT == lowest_claim_wins) ^ (at[j].claimed_epoch > at[e % LIVES].claimed_epoch)) -> e = j
        :: else
        fi
    }
    if
    :: e < LIVES && (claims(e, running) || at[other(e)].claimed ||
                     MUTANT == doubtful_is_revived || MUTANT == serves_before_all_claims) ->
        register_life = e; register_epoch = at[e].claimed_epoch;
        if :: claims(e, running) -> witness(claim_of_who_runs) :: else -> witness(claim_of_who_is_frozen) fi;
        if :: register_epoch > disc_epoch -> witness(claim_beyond_the_disc) :: else fi
    :: else ->              /* somebody is lost who may have committed, and run */
        witness(doubtful_declared_dead);
        dead = 1; register_life = LIVES; register_epoch = EPOCHS + 1
    fi;
    for (j : 0 .. LIVES - 1) { at[j].claimed = 0; at[j].claimed_state = 0; at[j].claimed_epoch = 0 };
    if :: !dead && has(evicted, register_life) -> dead = 1 :: else fi
}

/* Declared dead only when somebody was lost. */
active proctype at_the_end() {
    d_step {
        timeout ->
        promise(doubt_is_needed, !dead || crashed);
        promise(all_done, dead || acted == MESSAGES)
    }
}

#define each_life(what) :: d_step { what(0) } :: d_step { what(1) }
#define each_image(i) :: d_step { recv_image(i, 0) } :: d_step { recv_image(i, 1) } :: d_step { recv_image(i, 2) }

init {
    report_witnesses();
    at[0].state = running;
end:
    do
    each_life(consume)
    each_life(freeze)
    each_image(0)
    each_image(1)
    each_life(commit)
    each_life(abort)
    each_life(see_itself)
    each_life(see_other)
    each_life(crash)
    each_life(evict)
    :: d_step { sync() }
    :: d_step { root_is_lost() }
    :: d_step { root_starts() }
    each_life(claim)
    :: d_step { decide() }
    od
}
