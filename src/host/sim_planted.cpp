#include <equus/host/sim_scenario.hpp>
#include <equus/kernel/mutants.hpp>

namespace equus::sim {

const std::vector<planted_fault>& planted_faults() {
    static const std::vector<planted_fault> all {
#if defined(EQUUS_MUTANTS) && EQUUS_MUTANTS // not even their names are in what users run
        // sessions
        {"session_forgets_on_reconnect", "reconnect", 20,
         "what was under way on a broken link is not sent again"},
            {"session_forgets_lost_packets", "streams", 50, "the timer repeats nothing"},
            {"session_delivers_duplicates", "streams", 2'000,
             "a packet that comes twice is taken twice"},
            {"session_skips_gaps", "streams", 50, "a packet that is missing is not waited for"},
            // links
            {"greeting_is_not_answered", "calls", 5'000, "a greeting that was not heard stays so"},
            {"dials_once", "streams", 500, "a link that breaks is not dialled again"},
            // streams and ports
            {"credit_is_ignored", "streams", 50, "a sender sends beyond its credit"},
            {"credit_is_not_returned", "streams", 50,
             "a port grants no credit for what it consumes"},
            {"credit_wakes_nobody", "streams", 50,
             "credit comes, and who waits for it is not told"},
            {"retention_ends_early", "streams", 50, "a message is forgotten before it is consumed"},
            {"multicast_leaves_one_out", "streams", 50,
             "one port of a channel gets less than the others"},
            {"members_are_not_told", "streams", 50, "a stream does not learn a channel's ports"},
            {"cursor_takes_duplicates", "streams", 500, "a number below the cursor is delivered"},
            {"cursor_skips_gaps", "streams", 500, "a number beyond the cursor is delivered"},
            {"discards_in_silence", "streams", 500, "who sent what was discarded is not told"},
            {"starved_are_forgotten", "streams", 500,
             "who sent what found no memory is not told to send it again"},
            {"repeats_too_little", "streams", 500, "a discarded number is not sent again"},
            {"consumption_stays_behind", "calls", 500,
             "what was consumed out of order is forgotten"},
            {"generation_stays", "streams", 50, "a closed reference names what took its place"},
            {"queue_has_no_end", "streams", 50, "a port grants more than its queue"},
            {"a_full_queue_shuts_out", "streams", 200,
             "a stream gets no message while others have the queue"},
            {"slots_have_no_generation", "multicast", 200,
             "what is late for a leg meets the one that has its place since"},
            {"stuck_legs_are_waited_for", "multicast", 200,
             "a port that takes nothing stops its channel"},
            // calls
            {"calls_end_unnoticed", "calls", 50,
             "a call that ends does not let the next one of its stream leave"},
            {"answer_of_another_call", "calls", 500,
             "a late answer is taken by the slot's next call"},
            {"deadline_is_ignored", "calls", 50, "a call waits beyond its deadline"},
            {"abandons_in_silence", "calls", 50,
             "a request that nobody answers is not said to be so"},
            // buffers and bulk
            {"buffer_rights_are_ignored", "bulk", 50, "a handle for reading writes"},
            {"odd_bytes_are_forgotten", "bulk", 50, "bytes that fill no word are not sent"},
            {"window_is_not_moved", "bulk", 200, "a copy stops at the end of its first window"},
            {"bulk_is_not_kept", "bulk", 200, "bulk is let go before its message is consumed"},
            {"early_bulk_is_half", "bulk", 500, "early bulk is taken before all of it has come"},
            {"early_bulk_is_not_repeated", "bulk", 500,
             "a message that is sent again comes without its early bulk"},
            {"bulk_of_replies_stays", "bulk", 50, "bulk of a reply is kept for ever"},
            {"copies_outlive_their_node", "bulk", 2'000, "a copy from a lost node waits on"},
            {"invokers_are_not_let_go", "model", 50,
             "a handler begins, and who invoked it without reply waits on"},
            {"queue_limit_is_not_lifted", "model", 50,
             "a call of asinvoke that was taken counts on"},
            {"late_failures_are_dropped", "model", 50,
             "an asinvoke fails after queueing, and nobody is told"},
            // references, regulation, breaks
            {"what_is_given_away_stays", "model", 50, "a reference that was given away is copied"},
            {"frozen_streams_send", "model", 200, "a stream sends although it is frozen"},
            {"unfreezing_wakes_nobody", "model", 200, "who waited at a frozen stream waits on"},
            {"resent_as_new", "model", 500, "what is sent again after a break is not marked"},
            // ends
            {"ends_in_silence", "calls", 500, "the streams to a port that is closed do not break"},
            {"dependents_outlive_their_parent", "streams", 50, "nobody ends with its launch"},
            {"streams_outlive_their_node", "streams", 500,
             "a stream to a lost node does not break"},
            {"calls_outlive_their_node", "streams", 2'000, "a call that a lost node held waits on"},
            {"requests_outlive_their_node", "streams", 5'000, "a creation on a lost node waits on"},
            // parents
            {"group_never_ends", "dependency", 200, "the last of a group takes nobody with it"},
            {"one_of_a_group_is_enough", "dependency", 200, "the first of a group ends its child"},
            {"parents_elsewhere_are_not_watched", "dependency", 200,
             "the end of a parent on another node is not heard of"},
            {"frozen_runs_on", "events", 200, "a frozen incarnation handles messages"},
            {"freezes_in_a_handler", "events", 200,
             "a freeze does not wait for the message in hand"},
            {"frozen_is_deaf", "events", 200,
             "a frozen incarnation does not serve its control port"},
            {"orders_overtake", "events", 200, "an order does not wait for the one before it"},
            {"faults_are_final", "events", 200, "a fault waits for nobody"},
            {"fault_waits_for_nobody", "events", 200,
             "a fault waits on when its watchers are gone"},
            {"evictions_are_no_events", "events", 500, "nobody hears of who was lost with a node"},
            {"interrupts_do_not_wait", "events", 200, "what a handler has interrupted goes on"},
            {"copies_are_their_original", "fork", 200,
             "a child's handle on itself is its parent's"},
            {"copies_have_everything", "fork", 200, "a child has what must not be passed on"},
            {"copies_depend_on_nobody", "fork", 200, "a copy outlives those of its original"},
            {"relays_outlive_their_node", "fork", 2'000, "a copy to a lost node is waited for"},
            // stream space
            {"copies_of_the_dead_stay_out", "space", 100,
             "a copy whose holder has ended does not come back"},
            {"returned_before_it_is_drained", "space", 500,
             "a copy goes to the next holder before the words of the last one have arrived"},
            {"nobody_takes_the_lead", "space", 50, "the standby of a lost space is not told"},
            {"space_answers_early", "space", 2'000,
             "what the standby has not heard of is answered"},
            {"repeats_are_done_twice", "space", 2'000,
             "who asks the standby again is treated as another"},
            {"standby_leads_unprepared", "space", 5'000, "a standby that lacks something leads"},
            // membership
            {"lease_is_ignored", "membership", 50, "a member acts on when its lease is over"},
            {"lease_counts_from_answer", "membership", 5'000,
             "a lease begins when its renewal arrives"},
            {"evicts_too_early", "membership", 50, "a member is written off while its lease lasts"},
            {"root_is_impatient", "asleep", 50, "a root that was asleep blames the others"},
            {"boot_is_given_again", "membership", 50, "two lives have one boot number"},
            {"newcomer_is_forgotten", "membership", 50, "who asks to join twice is two"},
            {"view_skips_one", "membership", 50, "one member is not told of a change"},
#endif
    };
    return all;
}

mutant_outcome hunt(const planted_fault& which, const scenario& what, std::uint32_t jobs) {
    campaign_options options;
    options.last = which.seeds_max;
    options.jobs = jobs;
    options.mutant = which.name;
    options.twice_every = 0;
    options.check_every = 1;
    options.events_max = 2'000'000;
    options.stop_at_failure = true;
    options.seed_max = std::chrono::seconds{30};
    const campaign_result got = run_campaign(what, options);
    mutant_outcome out;
    out.seeds = got.passed + got.failures.size();
    if (!got.failures.empty()) {
        out.found = got.failures.front().failure;
        out.seed = got.failures.front().seed;
    }
    return out;
}

} // namespace equus::sim
