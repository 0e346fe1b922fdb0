#include "simulated_queue.hpp"

#include <equus/host/effects.hpp>

#include <utility>

namespace doc {

using namespace equus;

namespace {
constexpr duration arrives_max = std::chrono::seconds{15};
} // namespace

template <class Request, class Function>
void simulated_queue::answer(sim::world& w, std::string_view name, Function does) {
    w.late_effect(
        std::string{name}, [this, &w, does](sim::host, const bytes& request, sim::completion done) {
            auto asked = wire::decode<Request>(request.span());
            if (!asked)
                return done(fail(std::move(asked.error())));
            // Some arrive when their senders have been written off, and others have taken over.
            const bool late = draws_->chance(lost_per_mille_ / 4);
            const time_point heard =
                w.now() + draws_->between(duration{1'000}, late ? arrives_max : takes_max_);
            const time_point answered = heard + draws_->between(duration{1'000}, takes_max_);
            const bool lost = draws_->chance(lost_per_mille_);
            w.at(heard, [&w, does, done, answered, lost, asked = std::move(*asked)] {
                result<bytes> outcome = encoded(does(asked));
                if (lost)
                    outcome = fail(errc::maybe_delivered, "the server does not answer");
                w.at(answered, [done, outcome = std::move(outcome)] { done(outcome); });
            });
        });
}

void simulated_queue::serve(sim::world& w, duration takes_max, std::uint32_t lost_per_mille) {
    draws_ = std::make_shared<random_sequence>(w.random("queue"));
    takes_max_ = takes_max;
    lost_per_mille_ = lost_per_mille;
    answer<look_at_queue>(w, look_effect, [this](const look_at_queue& asked) {
        queue_seen out;
        for (std::size_t i = 0; i < jobs.size(); ++i)
            if (jobs[i].key == asked.key)
                out.jobs.push_back({static_cast<std::uint32_t>(i + 1), jobs[i].phase, {}});
        return out;
    });
    answer<enter_job>(w, enter_effect, [this](const enter_job& asked) {
        jobs.push_back({asked.key, asked.name, std::string{asked.pdf.text()}, job_phase::held});
        return job_entered{static_cast<std::uint32_t>(jobs.size())};
    });
    answer<change_job>(w, change_effect, [this, &w](const change_job& asked) {
        if (asked.number == 0 || asked.number > jobs.size())
            return job_changed{false};
        job& which = jobs[asked.number - 1];
        const bool release = asked.change == job_change::release;
        const bool changed =
            which.phase == job_phase::held || (!release && which.phase == job_phase::going);
        if (changed && release)
            print(w, asked.number - 1);
        else if (changed)
            which.phase = job_phase::cancelled;
        return job_changed{changed};
    });
}

void simulated_queue::print(sim::world& w, std::size_t index) {
    jobs[index].phase = job_phase::going;
    w.at(w.now() + draws_->between(duration{1'000}, takes_max_), [this, index] {
        job& which = jobs[index];
        if (which.phase == job_phase::going)
            which.phase = refused.contains(which.name) ? job_phase::aborted : job_phase::completed;
    });
}

} // namespace doc
