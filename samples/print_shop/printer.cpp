#include "shop.hpp"

namespace doc {

using namespace equus;
using namespace equus::literals;

namespace {

/// How often a job is entered whose answer is lost each time.
constexpr int enters_max = 4;
/// Looks without an answer before there is a job that could be waited for.
constexpr int unanswered_max = 8;
/// Between two looks, at first and at last.
constexpr duration pause_min = 20ms;
constexpr duration pause_max = 500ms;
/// For a job to be out of the queue after it was taken back.
constexpr duration taken_back_within = 10s;
/// For one effect; the effect's own limit is shorter.
constexpr duration answer_within = 60s;

std::uint32_t number_of(const job_seen* job) {
    return job == nullptr ? 0 : job->number;
}

const job_seen* find(const std::vector<job_seen>& jobs, std::uint32_t number) {
    for (const job_seen& each : jobs)
        if (each.number == number)
            return &each;
    return nullptr;
}

std::string words_of(const job_seen& job, const char* what) {
    const std::string whom = "job " + std::to_string(job.number) + " " + what;
    return job.said.empty() ? whom : whom + ": " + job.said;
}

} // namespace

const job_seen* chosen(const std::vector<job_seen>& jobs) noexcept {
    const job_seen* best = nullptr;
    for (const job_seen& each : jobs)
        if (each.phase != job_phase::cancelled && each.phase != job_phase::aborted &&
            (best == nullptr || each.number < best->number))
            best = &each;
    return best;
}

task<on_paper> printer_service::on(put_on_paper job) {
    const time_point until = deadline_after(now(), job.within);
    look_at_queue look;
    look.queue = job.queue;
    look.key = job.key;
    int entered = 0;
    int looked = 0;           // without an answer
    std::uint32_t number = 0; // of the job that is waited for
    duration pause = pause_min;
    for (;; pause = std::min(pause * 2, pause_max)) {
        auto seen = co_await effect(look_effect, look).within(answer_within);
        if (!seen) {
            const bool unanswered = seen.error() == errc::maybe_delivered;
            if (entered == 0 && number == 0 && (!unanswered || ++looked > unanswered_max))
                co_await ok(fail(std::move(seen.error())));
            if (now() >= until) // there was a job, and nobody says what became of it
                co_await ok(fail(error{errc::maybe_delivered, "'" + job.name + "' may be printed",
                                       std::move(seen.error())}));
            co_await sleep(pause);
            continue;
        }
        if (number == 0)
            number = number_of(chosen(seen->jobs));
        if (number == 0) {
            if (!seen->accepting || seen->stopped)
                co_await ok(fail(errc::refused, seen->said));
            if (entered == enters_max)
                co_await ok(fail(errc::io_failed, "the queue keeps no job"));
            ++entered;
            co_await enter(job);
            continue;
        }
        const job_seen* ours = find(seen->jobs, number);
        if (ours == nullptr)
            co_await ok(fail(errc::maybe_delivered, "the queue has forgotten job " +
                                                        std::to_string(number) + " of '" +
                                                        job.name + "', which may be printed"));
        if (ours->phase == job_phase::completed)
            co_return on_paper{number};
        if (ours->phase == job_phase::cancelled)
            co_await ok(fail(errc::refused, words_of(*ours, "was cancelled")));
        if (ours->phase == job_phase::aborted)
            co_await ok(fail(errc::refused, words_of(*ours, "was given up by the queue")));
        error why{errc::ok};
        for (const job_seen& other : seen->jobs)
            if (other.number != number && other.phase == job_phase::held)
                static_cast<void>(co_await change(job.queue, other.number, job_change::cancel));
        if (seen->stopped) {
            why = error{errc::refused, seen->said};
        } else if (now() >= until) {
            why = error{errc::timed_out, words_of(*ours, "was not printed in time")};
        } else if (ours->phase == job_phase::held) {
            auto released = co_await change(job.queue, number, job_change::release);
            if (!released && released.error() == errc::access_denied)
                why = std::move(released.error());
        }
        if (why != errc::ok)
            co_await take_back(look, number, std::move(why));
        else
            co_await sleep(pause);
    }
}

/// One that may have been entered, although nobody says so, is found by the next look.
task<> printer_service::enter(const put_on_paper& job) {
    enter_job entering;
    entering.queue = job.queue;
    entering.key = job.key;
    entering.name = job.name;
    entering.pdf = job.pdf;
    auto made = co_await effect(enter_effect, entering).within(answer_within);
    if (!made && made.error() != errc::maybe_delivered)
        co_await ok(fail(std::move(made.error())));
}

/// What comes of it is seen by the next look; a change that failed is asked for again.
task<result<job_changed>> printer_service::change(std::string queue, std::uint32_t number,
                                                  job_change what) {
    change_job asked;
    asked.queue = std::move(queue);
    asked.number = number;
    asked.change = what;
    auto done = co_await effect(change_effect, asked).within(answer_within);
    co_return done;
}

/// Ends with `why`, once the job is out of the queue; without an error when it was printed in the
/// meantime, which the caller sees for itself.
task<> printer_service::take_back(const look_at_queue& look, std::uint32_t number, error why) {
    const time_point until = deadline_after(now(), taken_back_within);
    do {
        static_cast<void>(co_await change(look.queue, number, job_change::cancel));
        auto seen = co_await effect(look_effect, look).within(answer_within);
        if (seen) {
            const job_seen* ours = find(seen->jobs, number);
            if (ours != nullptr && ours->phase == job_phase::completed)
                co_return;
            if (ours != nullptr &&
                (ours->phase == job_phase::cancelled || ours->phase == job_phase::aborted))
                co_await ok(fail(std::move(why)));
        }
        co_await sleep(pause_max);
    } while (now() < until);
    co_await ok(fail(
        error{errc::maybe_delivered,
              "job " + std::to_string(number) + " cannot be taken back, and may still be printed",
              std::move(why)}));
}

} // namespace doc
