#include "host/sim_space_cast.hpp"

#include "host/sim_members.hpp"

namespace equus::sim::spacing {

using reporting::violated;

namespace {

/// Replacements for guests whose nodes die; then the others are enough.
constexpr std::uint32_t replacements_max = 12;

std::string text_of(incarnation_id id) {
    return std::to_string(id.node.value) + "." + std::to_string(id.boot.value) + "." +
           std::to_string(id.counter);
}

} // namespace

// ---- the seats

task<> host_of_seats::main() {
    space::put what;
    what.label = seat_label;
    what.what = any_reference{in.open_stream()};
    what.protocol = talking::name;
    what.copies = parameters_.seats;
    auto stored = co_await space.invoke<space::put>(moved(what)).within(1h);
    if (!stored)
        co_await violated("the seats cannot be put: " + stored.error().describe());
    for (;;) {
        auto came = co_await ok(co_await in.receive());
        if (!came.is<word>())
            continue;
        const word said = co_await ok(came.take<word>());
        co_await hear(said);
    }
}

/// The root hears of an eviction before anybody else acts on it, so who is here is known.
task<> host_of_seats::forget_the_lost() {
    std::erase_if(sitting_, [](const auto& each) {
        return !is_member({each.first.node, each.first.boot});
    });
    co_return;
}

task<> host_of_seats::hear(word said) {
    const std::string who = "guest " + text_of(said.guest);
    const auto known = sitting_.find(said.guest);
    if (said.number == 1) {
        if (known != sitting_.end())
            co_await violated(who + " sits down twice");
        if (said.visit <= visits_[said.guest])
            co_await violated(who + " sits down for a visit that is over");
        visits_[said.guest] = said.visit;
        co_await forget_the_lost();
        if (sitting_.size() >= parameters_.seats)
            co_await violated(who + " sits down where all seats are taken, one by guest " +
                              text_of(sitting_.begin()->first));
    } else if (known == sitting_.end() || known->second.visit != said.visit ||
               known->second.number + 1 != said.number) {
        co_await violated(who + " says word " + std::to_string(said.number) + " out of order");
    }
    if (said.number == said.of)
        sitting_.erase(said.guest);
    else
        sitting_[said.guest] = said;
}

// ---- a guest

std::uint32_t guest::draw(std::uint32_t most) noexcept {
    const incarnation_id me = self();
    std::uint64_t x = ++drawn_ + (std::uint64_t{me.boot.value} << 40) +
                      (std::uint64_t{me.counter} << 20) + (std::uint64_t{parameters_.salt} << 52);
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return static_cast<std::uint32_t>((x ^ x >> 31) % (std::uint64_t{most} + 1));
}

task<> guest::main() {
    hearing_.start(hear_of_chairs());
    for (std::uint32_t number = 1; number <= parameters_.visits; ++number) {
        co_await try_a_chair(number);
        const bool lives = co_await visit(number);
        if (!lives)
            co_return;
        co_await sleep(duration{parameters_.nap_max.count() * draw(8) / 8});
    }
}

task<bool> guest::visit(std::uint32_t number) {
    const std::string label{seat_label};
    const std::string who{own_name()};
    auto seat = co_await space.invoke<space::get>(label, who).within(1h);
    if (!seat) {
        co_await violated("no seat: " + seat.error().describe());
        co_return true;
    }
    auto out = co_await ok(seat->what.as_stream<talking>());
    const std::uint32_t of = 1 + draw(parameters_.words_max - 1);
    const bool dies = draw(999) < parameters_.dies_per_mille;
    for (std::uint32_t n = 1; n <= of; ++n) {
        auto said = co_await out.send<word>(self(), number, n, of);
        if (!said)
            co_await violated("a word on a seat: " + said.error().describe());
        if (draw(2) == 0)
            co_await sleep(duration{parameters_.nap_max.count() * draw(8) / 16});
    }
    if (dies)
        co_return false;
    out.close();
    auto back = co_await space.invoke<space::give_back>(label).within(1h);
    if (!back)
        co_await violated("the seat is not taken back: " + back.error().describe());
    co_return true;
}

/// What has been put is there until it is removed, and leads to who has put it.
task<> guest::try_a_chair(std::uint32_t number) {
    const std::string label = "chair." + text_of(self()) + "." + std::to_string(number);
    chairs_.insert(label);
    space::put what;
    what.label = label;
    what.what = any_reference{in.open_stream()};
    what.protocol = talking::name;
    what.cached = draw(1) == 0;
    const any_reference own = what.what;
    auto stored = co_await space.invoke<space::put>(moved(what)).within(1h);
    detail::close(own);
    if (!stored)
        co_await violated(label + " cannot be put: " + stored.error().describe());
    co_await sleep(duration{parameters_.nap_max.count() * draw(8) / 4});
    auto seen = co_await space.invoke<space::describe>(label).within(1h);
    if (seen && !seen->known)
        co_await violated(label + " was put, and is not there");
    const std::string who{own_name()};
    auto got = co_await space.invoke<space::get>(label, who).within(1h);
    if (!got) {
        co_await violated(label + " cannot be had: " + got.error().describe());
        co_return;
    }
    auto to = co_await ok(got->what.as_stream<talking>());
    auto told = co_await to.send<tried>(label);
    if (!told)
        co_await violated(label + " leads nowhere: " + told.error().describe());
    to.close();
    auto gone = co_await space.invoke<space::remove>(label).within(1h);
    if (!gone)
        co_await violated(label + " cannot be removed: " + gone.error().describe());
    auto after = co_await space.invoke<space::describe>(label).within(1h);
    if (after && after->known)
        co_await violated(label + " was removed, and is still there");
}

task<> guest::hear_of_chairs() {
    for (;;) {
        auto came = co_await in.receive();
        if (!came)
            co_return;
        auto said = came->take<tried>();
        if (said && chairs_.count(said->label) == 0)
            co_await violated("somebody has found " + said->label + " here");
    }
}

// ---- the referee

task<std::int32_t> referee::main() {
    co_await invite(parameters_.guests);
    while (!present_.empty()) {
        auto heard = co_await ok(co_await next_event());
        if (heard.kind != event_kind::terminated || present_.erase(heard.subject) == 0)
            continue;
        if (heard.reason != errc::ok && ++lost_ <= replacements_max)
            co_await invite(1);
    }
    co_await look_at_what_is_left();
    co_return 0;
}

task<> referee::invite(std::uint32_t count) {
    const rdc_services launch;
    std::string what{"guest"};
    auto made = co_await as_result(launch.instantiate(std::move(what), count));
    if (!made)
        co_return; // no node for it just now
    for (launching::instance& each : made->made) {
        present_.insert(each.handle.id());
        auto watched = co_await each.handle.watch().within(1h);
        if (!watched)
            present_.erase(each.handle.id());
    }
}

task<> referee::look_at_what_is_left() {
    std::string wrong;
    for (int look = 0; look < 600; ++look) {
        auto told = co_await space.invoke<space::print>().within(1h);
        wrong.clear();
        if (!told)
            wrong = "the space cannot be looked at: " + told.error().describe();
        else
            for (const space::line& each : told->lines)
                if (each.label == seat_label && each.out != 0)
                    wrong = std::to_string(each.out) + " seats are out, and nobody is there";
        if (wrong.empty())
            co_return;
        co_await sleep(100ms);
    }
    co_await violated(std::move(wrong));
}

} // namespace equus::sim::spacing
