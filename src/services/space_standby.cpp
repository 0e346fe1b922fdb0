// A stream space and its standby: every change goes to the standby before anything leaves that
// shows it, many changes in one message when there are many. The standby only keeps, until the
// launch tells it to lead.
#include "services/space.hpp"

#include <equus/kernel/mutants.hpp>

#include <algorithm>
#include <utility>

namespace equus::services {

namespace {

/// A change has one reference at most, and a message so many.
constexpr std::size_t changes_max = 48;

bool is_loss(errc why) noexcept {
    return why == errc::broken || why == errc::maybe_delivered || why == errc::abandoned ||
           why == errc::closed;
}

} // namespace

struct space_service::held_close final : held_action {
    explicit held_close(any_reference which) : what{which} {}
    void go() override { detail::close(what); }
    any_reference what;
};

task<> space_service::hear_orders() {
    for (;;) {
        auto got = co_await orders.receive();
        if (!got)
            co_return;
        if (got->is<space::keep>())
            keep(std::move(*got));
        else if (got->is<space::lead>())
            co_await take_the_lead(std::move(*got));
        else if (got->is<space::copy_to>())
            copy_to(std::move(*got));
        else
            got->reply_error(errc::unknown_message);
    }
}

// ---------------------------------------------------------------------- who leads

task<> space_service::take_the_lead(order message) {
    auto asked = message.take<space::lead>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        co_return;
    }
    if (!complete_ && !asked->from_nothing && !EQUUS_MUTANT(standby_leads_unprepared)) {
        message.reply_error({errc::refused, "the standby had not learnt everything"});
        co_return;
    }
    // Whoever asks at the channel is led here, and what waits there comes.
    auto joined = co_await join_channel(requests, channel_);
    if (!joined) {
        message.reply_error(std::move(joined.error()));
        co_return;
    }
    const auto present = members();
    reclaim([&](incarnation_id holder) {
        return std::none_of(present.begin(), present.end(), [&](const member_info& member) {
            return member.at == node_boot{holder.node, holder.boot};
        });
    });
    message.reply<space::lead>(space::leading{});
}

void space_service::copy_to(order message) {
    auto asked = message.take<space::copy_to>();
    if (!asked) {
        message.reply_error(std::move(asked.error()));
        return;
    }
    if (standby_)
        standby_.close();
    journal_.clear();
    safe_ = changes_;
    release();
    standby_ = stream<space::keeping>{asked->standby};
    space::copied done;
    for (const auto& [label, kept] : state_.items) {
        space::change made;
        made.label = label;
        made.what = kept;
        note(std::move(made));
        ++done.labels;
    }
    space::change last;
    last.kind = space::change_kind::complete;
    for (const auto& [by, answers] : state_.answered)
        for (const auto& [number, answer] : answers) {
            last.mark = {by, number, 0};
            last.answer = answer;
            note(last);
        }
    last.mark = {};
    note(std::move(last));
    answer<space::copy_to>(std::move(message), done);
}

// ---------------------------------------------------------------------- changes

void space_service::keep(order message) {
    auto told = message.take<space::keep>();
    if (!told) {
        message.reply_error(std::move(told.error()));
        return;
    }
    space::kept done;
    done.changes = static_cast<std::uint32_t>(told->changes.size());
    for (space::change& each : told->changes)
        apply(std::move(each));
    message.reply<space::keep>(done);
}

void space_service::apply(space::change made) {
    switch (made.kind) {
    case space::change_kind::put: {
        space::item& kept = state_.items[made.label];
        detail::close(kept.what);
        kept = std::move(made.what);
        break;
    }
    case space::change_kind::counted:
        if (const auto found = state_.items.find(made.label); found != state_.items.end()) {
            found->second.out = made.what.out;
            found->second.holders = std::move(made.what.holders);
        }
        break;
    case space::change_kind::removed:
        if (const auto found = state_.items.find(made.label); found != state_.items.end()) {
            detail::close(found->second.what);
            state_.items.erase(found);
        }
        break;
    case space::change_kind::complete:
        complete_ = complete_ || !made.mark.by;
        break;
    }
    remember(made.mark, made.answer);
}

void space_service::remember(const space::request_mark& mark, std::uint32_t answer) {
    if (!mark.by)
        return;
    auto& answers = state_.answered[mark.by];
    answers.erase(answers.begin(), answers.upper_bound(mark.settled));
    answers[mark.number] = answer;
}

const std::uint32_t* space_service::answer_before(const space::request_mark& mark) const {
    const auto asker = state_.answered.find(mark.by);
    if (!mark.by || asker == state_.answered.end() || EQUUS_MUTANT(repeats_are_done_twice))
        return nullptr;
    const auto found = asker->second.find(mark.number);
    return found == asker->second.end() ? nullptr : &found->second;
}

void space_service::note(space::change made) {
    if (!standby_)
        return;
    ++changes_;
    safe_ += EQUUS_MUTANT(space_answers_early) ? 1 : 0;
    journal_.push_back(std::move(made));
    if (std::exchange(sending_, true))
        return;
    tasks_.start(send_changes());
}

void space_service::close_later(any_reference what) {
    if (safe_ == changes_)
        detail::close(what);
    else
        held_.push_back({changes_, std::make_unique<held_close>(what)});
}

void space_service::release() {
    while (!held_.empty() && held_.front().after <= safe_) {
        held_.front().what->go();
        held_.pop_front();
    }
}

task<> space_service::send_changes() {
    while (!journal_.empty()) {
        space::keep next;
        while (!journal_.empty() && next.changes.size() < changes_max) {
            next.changes.push_back(std::move(journal_.front()));
            journal_.pop_front();
        }
        const std::uint64_t count = next.changes.size();
        const reference asked = standby_;
        auto kept = co_await standby_.invoke<space::keep>(moved(next)).within(for_ever);
        if (standby_ != asked)
            continue; // another one has been given, and everything anew
        if (kept) {
            safe_ += EQUUS_MUTANT(space_answers_early) ? 0 : count;
        } else if (is_loss(kept.error().code())) {
            // It is gone for good and will not lead. The launch makes another.
            standby_.close();
            standby_ = {};
            journal_.clear();
            safe_ = changes_;
        } else {
            // It lives and lacks something, and might lead one day: better that this one ends.
            sending_ = false;
            end_self(1);
            co_return;
        }
        release();
    }
    sending_ = false;
}

} // namespace equus::services
