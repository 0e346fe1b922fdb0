/* What a sender keeps when a queue is left behind. A stream's entry is given from one port to another and the
 * messages that are queued stay where they are (K47): the old port consumes 1 to `cut`, the new one goes on behind
 * it. Both return credit, each for what it consumes, and the old one may be lost.
 *
 * A credit says from which number it counts, so what the old port has not consumed stays with the sender, and is
 * told as in doubt when that port is lost.
 */
#ifndef MESSAGES
#define MESSAGES 4
#endif

/* ---- mutants */
#define credit_without_first 1     /* rule 17: the new port's credit covers what the old one has */
#define doubt_untold 2             /* rule 12: the rest of the lost port is forgotten */
#define credit_before_consumed 3   /* rule 11: what is queued is acknowledged */

/* ---- witnesses */
#define consumed_out_of_order 1    /* the new port is ahead of the old one */
#define in_doubt_told 2
#define queue_left 3
#define credit_of_both 4
#include "promises.pml"

#define old 0
#define new 1
#define undecided 99
byte expected = 1, cut = undecided;       /* the next number that is accepted; the last one of the old port */
byte consumed[2], credited[2];            /* the last number consumed, and as the sender has heard it */
byte sent, kept, doubtful;                /* of the sender: sets of numbers, a bit each, but for `sent` */
byte actual;                              /* the numbers that have been consumed */
bit lost, told;
hidden byte j, until;
hidden byte unconsumed_is_kept, all_accounted_for;

#define bit_of(n) (1 << ((n) - 1))
#define all_up_to(n) ((1 << (n)) - 1)

/* After each step: what was sent and has not been consumed is kept, or has been told as in doubt. */
inline check() { promise(unconsumed_is_kept, (all_up_to(sent) & ~actual & ~kept & ~doubtful) == 0) }

inline send() {
    sent < MESSAGES && !told;
    sent++;
    kept = kept | bit_of(sent)
}
inline accept() {
    expected <= sent;
    expected++
}
inline give() {
    cut == undecided && !lost;
    cut = expected - 1;
    if :: consumed[old] < cut -> witness(queue_left) :: else fi
}
inline consume_old() {
    !lost && consumed[old] + 1 < expected && consumed[old] < cut;
    consumed[old]++;
    actual = actual | bit_of(consumed[old])
}
inline consume_new() {
    cut != undecided && (consumed[new] == 0 -> cut : consumed[new]) + 1 < expected;
    consumed[new] = (consumed[new] == 0 -> cut : consumed[new]) + 1;
    actual = actual | bit_of(consumed[new]);
    if :: consumed[old] < cut -> witness(consumed_out_of_order) :: else fi
}
inline recv_credit_old() {
    until = (MUTANT == credit_before_consumed -> (cut == undecided -> expected - 1 : cut) : consumed[old]);
    credited[old] = until;
    kept = kept & ~all_up_to(until);
    check()
}
inline recv_credit_new() {
    credited[new] < consumed[new] && !told;
    credited[new] = consumed[new];
    if :: credited[old] > 0 -> witness(credit_of_both) :: else fi;
    if
    :: MUTANT == credit_without_first -> kept = kept & ~all_up_to(credited[new])
    :: else -> kept = kept & ~(all_up_to(credited[new]) & ~all_up_to(cut))       /* it counts from cut + 1 */
    fi;
    check()
}
inline lose_old() {
    cut != undecided && !lost && consumed[old] < cut;
    lost = 1
}
inline tell() {
    lost && !told;
    told = 1;
    if :: MUTANT != doubt_untold -> doubtful = kept & all_up_to(cut) :: else fi;
    kept = kept & ~all_up_to(cut);
    if :: doubtful -> witness(in_doubt_told) :: else fi;
    check()
}

active proctype at_the_end() {
    d_step {
        timeout ->
        promise(all_accounted_for, lost || (actual == all_up_to(MESSAGES) && kept == 0));
        promise(all_accounted_for, !lost || told)
    }
}

init {
    report_witnesses();
end:
    do
    :: d_step { send() }
    :: d_step { accept() }
    :: d_step { give() }
    :: d_step { consume_old() }
    :: d_step { consume_new() }
    :: d_step { !lost && (credited[old] < consumed[old] ||
                          MUTANT == credit_before_consumed && credited[old] + 1 < expected && credited[old] < cut) ->
                recv_credit_old() }
    :: d_step { recv_credit_new() }
    :: d_step { lose_old() }
    :: d_step { tell() }
    od
}
