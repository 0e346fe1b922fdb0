/* What every model uses.
 *
 * promise(name, claim): the claim holds whenever this line is passed. `name` is a hidden byte that is never
 * set; it is there so that a failed assertion says which promise was broken.
 * witness(name): a state that the model must be able to reach. A search without error says at its end
 * which ones it has passed; with -DWITNESS=name it stops at the first, and leaves the trail.
 * MUTANT is the mutant that a search is given, or 0.
 */
#ifndef MUTANT
#define MUTANT 0
#endif
#define promise(name, claim) assert((claim) || name)
#ifdef WITNESS
#define witness(name) assert(WITNESS != (name))
#define report_witnesses() skip
#else
#define witness(name) c_code { witnessed[name] = 1; }
#define report_witnesses() c_code { atexit(report); }
c_decl {
\#include <stdio.h>
\#include <stdlib.h>
    static char witnessed[64];
    static void report(void) {
        int w;
        for (w = 0; w < 64; w++)
            if (witnessed[w]) printf("reached %d\n", w);
    }
}
#endif
