#include "host/sim_reporting.hpp"
#include "host/sim_workloads.hpp"

#include <equus/equus.hpp>

#include <map>
#include <set>
#include <string>

namespace equus::sim {

using namespace equus::literals;

namespace {

using reporting::noted;

struct member_news {
    using reply = noted;
    event what;
    EQUUS_FIELDS(what)
};
constexpr const char* news_effect = "sim.member_news";

/// Hears of members at the root and tells the workload.
class observer : public incarnation<observer> {
public:
    task<> main() {
        watch_members();
        for (;;) {
            member_news news;
            news.what = co_await ok(co_await next_event());
            static_cast<void>(co_await effect(news_effect, news));
        }
    }
};

class membership_workload final : public workload {
public:
    void adjust(fault_mix& mix, random_sequence&) override { mix.deaths = true; }

    void start(world& w) override {
        w.modules().add<observer>("sim.observer", {news_effect});
        w.effect<member_news>(news_effect, [this, &w](host, member_news news) -> result<noted> {
            hear(w, news.what);
            return noted{};
        });
        random_sequence draws = w.random("membership");
        w.node();
        creation what;
        what.module = "sim.observer";
        what.name = "observer";
        what.depends_on_launch = false;
        if (auto made = w.boot(host{0}, what); !made)
            w.fail("the observer: " + made.error().describe());
        for (auto more = draws.between(1, 4); more > 0; --more)
            w.node();
        for (time_point at = w.now(); at < w.now() + script_lasts;
             at = at + draws.between(100ms, 4s)) {
            const std::uint64_t choice = draws.next();
            w.at(at, [this, &w, choice] { act(w, choice); });
        }
        script_ends_ = w.now() + script_lasts;
    }

    bool finished(world& w) override {
        return w.now() > script_ends_ && healed(w) && what_is_wrong(w).empty();
    }
    std::string progress(world& w) override { return what_is_wrong(w) + who_is_left(w); }
    std::string check(world& w) override { return what_is_wrong(w); }
    duration faults_max() const override { return 20s; }

private:
    static constexpr duration script_lasts = 15s;
    static constexpr std::uint32_t nodes_max = 8;

    // Only the healed world has to agree.
    static bool healed(const world& w) { return w.is_healed(); }

    void act(world& w, std::uint64_t choice) {
        const host which{1 + static_cast<std::uint32_t>((choice >> 8) % (w.node_count() - 1))};
        switch (choice % 9) {
        case 0:
        case 1:
            if (w.node_count() < nodes_max)
                w.node();
            break;
        case 2:
            if (w.alive(which) && w.joined(which))
                w.leave(which);
            break;
        case 3:
            w.crash(which);
            if ((choice & 0x1000'0000u) != 0)
                w.evict(which);
            break;
        case 4:
            if (!w.alive(which) && !(w.stopped(which) && *w.stopped(which) == errc::ok))
                w.restart(which);
            break;
        case 5:
            w.isolate(which);
            break;
        case 6:
            w.mend();
            break;
        case 7: { // the root's last answers come when it does not hear the member any more
            const host root{0};
            w.cut(root, which);
            w.at(w.now() + 700ms, [&w, root, which] { w.cut(which, root); });
            w.at(w.now() + 2s + duration{static_cast<std::int64_t>(choice >> 33)},
                 [&w, root, which] { w.uncut(root, which); });
            break;
        }
        default:
            w.pause(which, duration{static_cast<std::int64_t>(choice >> 40)});
            break;
        }
    }

    void hear(world& w, const event& news) {
        const std::uint32_t boot = news.node.boot.value;
        if (news.kind == event_kind::node_joined) {
            if (boot <= newest_)
                w.fail("boot " + std::to_string(boot) + " was given after boot " +
                       std::to_string(newest_));
            newest_ = boot;
            lives_[boot] = true;
            if (!joined_.insert(news.text).second)
                w.fail("'" + news.text + "' has joined twice in one life");
        } else if (news.kind == event_kind::node_left) {
            const auto known = lives_.find(boot);
            if (known == lives_.end() || !known->second)
                w.fail("boot " + std::to_string(boot) + " left without being there");
            else
                known->second = false;
            if (news.reason == errc::evicted)
                look_at_the_evicted(w, news.node);
        }
    }

    static void look_at_the_evicted(world& w, node_boot who) {
        if (w.faults().clock_jump_every.count() > 0)
            return; // the root was asleep: it may be too early, and the node hears of it
        for (std::uint32_t i = 0; i < w.node_count(); ++i)
            if (w.alive(host{i}) && w.self(host{i}) == who && !w.paused(host{i}))
                w.fail("node " + std::to_string(i + 1) + ", boot " +
                       std::to_string(who.boot.value) + ", was written off while it could act");
    }

    std::string what_is_wrong(const world& w) const {
        if (std::string text = what_is_not_at_rest(w, "observer"); !text.empty())
            return text;
        const node_status root = w.status(host{0});
        std::size_t living = 0;
        for (std::uint32_t i = 0; i < w.node_count(); ++i)
            living += w.alive(host{i}) ? 1 : 0;
        if (root.members.size() != living)
            return "the root knows " + std::to_string(root.members.size()) + " members, " +
                   std::to_string(living) + " live";
        for (const auto& [boot, present] : lives_) {
            bool found = false;
            for (const member_info& each : root.members)
                found = found || each.at.boot.value == boot;
            if (found != present)
                return "boot " + std::to_string(boot) + (found ? " is a member" : " is no member") +
                       ", the events say otherwise";
        }
        return {};
    }

    std::map<std::uint32_t, bool> lives_; ///< by boot: whether it is there
    std::uint32_t newest_ = 0;
    std::set<std::string> joined_; ///< names, of which each life has its own
    time_point script_ends_;
};

} // namespace

std::unique_ptr<workload> make_membership_workload() {
    return std::make_unique<membership_workload>();
}

} // namespace equus::sim
