// Computations for the services' tests: kernels in memory with the standard modules, a driver that
// gives the launch its orders and keeps its reports, and actors whose part a test writes as a
// coroutine.
#pragma once

#include "runtime/nodes.hpp"

#include <equus/rdc_builder.hpp>
#include <equus/services/launch.hpp>
#include <equus/services/space.hpp>
#include <equus/services/standard.hpp>
#include <equus/task_group.hpp>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace equus::test {

struct answer {
    std::string text;
    EQUUS_FIELDS(text)
};
struct question {
    using reply = answer;
    std::string text;
    EQUUS_FIELDS(text)
};
struct remark {
    std::string text;
    EQUUS_FIELDS(text)
};
using talk = protocol<"test.talk", question, remark>;
struct other {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
using another = protocol<"test.another", other>;

class actor;
using part = task<> (*)(actor& self);

/// What the actors of a test do and leave behind.
struct play {
    std::map<std::string, part> parts;
    std::vector<std::string> lines;
    void clear() {
        parts.clear();
        lines.clear();
    }
};
inline play the_play;

inline void say(std::string line) {
    the_play.lines.push_back(std::move(line));
}
inline bool said(const std::string& line) {
    for (const std::string& each : the_play.lines)
        if (each == line)
            return true;
    return false;
}

/// Plays the part of its parameter `part`; without one it answers questions.
class actor : public incarnation<actor> {
public:
    struct parameters {
        std::string part;
        EQUUS_FIELDS(part)
    };
    parameters parameters_;
    port<talk> in{*this, "in"};
    port<space::announcing> announced{*this, "announced"};
    stream<talk> out{*this, "out"};
    stream<another> odd{*this, "odd"};
    stream<space::spacing> space{*this, "space"};
    task_group children;

    task<> main() {
        const auto found = the_play.parts.find(parameters_.part);
        if (found != the_play.parts.end())
            co_await found->second(*this);
        else
            co_await echo();
    }
    task<> echo() {
        for (;;) {
            auto got = co_await in.receive();
            if (!got)
                co_return;
            if (got->is<remark>()) {
                auto heard = got->take<remark>();
                say(std::string{own_name()} + " heard " + heard->text);
                continue;
            }
            auto asked = got->take<question>();
            answer said_back;
            said_back.text = std::string{own_name()} + ": " + asked->text;
            got->reply<question>(std::move(said_back));
        }
    }
    /// Makes a primary stream space of its own.
    task<> open_space() {
        creation what;
        what.module = "equus.space";
        what.name = "space";
        what.given["announce"] = any_reference{announced.open_stream()};
        auto made = co_await create(what);
        REQUIRE(made);
        space_handle = *made;
        auto got = co_await announced.receive();
        REQUIRE(got);
        auto told = got->take<space::announced>();
        REQUIRE(told);
        space = stream<space::spacing>{told->requests};
    }
    incarnation_handle space_handle;
};

/// Puts a stream to the actor's own port, with that many copies.
inline task<result<space::stored>> put_own(actor& self, stream<space::spacing> in,
                                           std::string label, std::uint32_t copies,
                                           bool cached = true,
                                           space::referent kind = space::referent::stream) {
    space::put what;
    what.label = std::move(label);
    what.what = any_reference{self.in.open_stream()};
    what.protocol = talk::name;
    what.kind = kind;
    what.copies = copies;
    what.cached = cached;
    auto done = co_await in.invoke<space::put>(moved(what));
    co_return done;
}

/// The same, which must succeed.
inline task<> must_put(actor& self, stream<space::spacing> in, std::string label,
                       std::uint32_t copies, bool cached = true,
                       space::referent kind = space::referent::stream) {
    auto done = co_await put_own(self, in, std::move(label), copies, cached, kind);
    REQUIRE(done);
}

inline module_table& standard_cast() {
    static module_table modules = [] {
        module_table made;
        add_standard_modules(made);
        made.add<actor>("test.actor");
        return made;
    }();
    return modules;
}

/// One actor on one node, without a launch.
inline void play_alone(nodes& on, part what) {
    the_play.clear();
    the_play.parts["alone"] = what;
    creation birth;
    birth.module = "test.actor";
    birth.name = "alone";
    birth.parameters["part"] = rdc_value{"alone"};
    REQUIRE(on.boot(on[0], birth));
    on.settle();
}

/// A launch and its driver.
class stage {
public:
    explicit stage(rdc configuration, std::uint32_t node_count = 1, bool copy_local = false)
        : stage{standard_cast(), std::move(configuration), node_count, copy_local} {}
    stage(const module_table& modules, rdc configuration, std::uint32_t node_count, bool copy_local)
        : net{modules, copy_local} {
        first.configuration = std::move(configuration);
        first.services = modules.services();
        first.nodes_wanted = node_count;
        net.effects = [this](std::string_view name, bytes request) {
            return perform(name, std::move(request));
        };
        net.take_effect = [this](kernel& on, effect_id which, std::string_view name) {
            const bool second_order = name == launching::next_effect && orders_given_ > 0;
            if (second_order)
                waiting_order_ = {&on, which};
            return second_order || held.count(std::string{name}) != 0;
        };
        for (std::uint32_t i = 0; i < node_count; ++i)
            net.add();
    }
    /// Boots the launch and runs until all is quiet.
    void run() {
        creation launch;
        launch.module = "equus.launch";
        launch.name = "launch";
        REQUIRE(net.boot(net[0], launch));
        net.settle();
    }
    void order_stop(std::int32_t result, std::string text) {
        launching::order stop;
        stop.kind = launching::order_kind::stop;
        stop.result = result;
        stop.text = std::move(text);
        give(stop);
    }
    void order_withdrawal(node_id node, duration notice) {
        launching::order withdraw;
        withdraw.kind = launching::order_kind::withdraw;
        withdraw.node = node;
        withdraw.notice = notice;
        give(withdraw);
    }
    void give(const launching::order& what) {
        REQUIRE(waiting_order_.first);
        waiting_order_.first->effect_done(waiting_order_.second, encoded(what));
        net.settle();
    }
    template <class Message>
    static bytes encoded(const Message& message) {
        bytes out(wire::size_bytes(message));
        wire::encode(message, out.span());
        return out;
    }
    const launching::progress* find(launching::progress_kind kind,
                                    std::string_view name = {}) const {
        for (const launching::progress& each : reports)
            if (each.kind == kind && (name.empty() || each.name == name))
                return &each;
        return nullptr;
    }
    const launching::progress* end() const { return find(launching::progress_kind::finished); }
    /// The incarnations of that family that node holds.
    std::uint32_t count(std::size_t node, std::string_view family) {
        std::uint32_t found = 0;
        for (const incarnation_status& each : net[node].status().incarnations)
            found += each.name.substr(0, each.name.find('[')) == family ? 1 : 0;
        return found;
    }

    nodes net;
    launching::order first;
    std::vector<launching::progress> reports;
    std::set<std::string, std::less<>> held; ///< effects that nobody answers
    std::function<result<bytes>(std::string_view, bytes)> more_effects;

private:
    result<bytes> perform(std::string_view name, bytes request) {
        if (name == launching::next_effect) {
            ++orders_given_;
            return encoded(first);
        }
        if (name == launching::report_effect) {
            auto told = wire::decode<launching::progress>(request.span());
            REQUIRE(told);
            reports.push_back(std::move(*told));
            return encoded(launching::noted{});
        }
        if (more_effects)
            return more_effects(name, std::move(request));
        return fail(errc::unsupported);
    }
    std::uint32_t orders_given_ = 0;
    std::pair<kernel*, effect_id> waiting_order_{};
};

} // namespace equus::test
