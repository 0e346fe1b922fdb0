// Incarnations whose lives a test writes as plain coroutine functions. Each has a port `in`; they
// find each other by name through a lobby, which also creates them:
//
//     stage on{net};
//     on.play("asker", 1, &asker);
//     on.play("server", 2, &server);
//     on.begin();
//     task<> asker(actor& me) { auto out = co_await me.reach("server"); ... }
#pragma once

#include "nodes.hpp"

#include <equus/wiring.hpp>

#include <map>
#include <string>
#include <vector>

namespace equus::test {

struct told {
    std::string text;
    EQUUS_FIELDS(text)
};
struct ask {
    using reply = told;
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
struct say {
    std::uint32_t number = 0;
    EQUUS_FIELDS(number)
};
/// Two references and a text between them.
struct hand_over {
    any_reference first;
    std::string text;
    any_reference second;
    EQUUS_FIELDS(first, text, second)
};
struct given_back {
    any_reference what;
    EQUUS_FIELDS(what)
};
struct borrow {
    using reply = given_back;
    any_reference what;
    EQUUS_FIELDS(what)
};
using words = protocol<"test.words", ask, say, hand_over, borrow>;

struct found {
    any_reference what;
    EQUUS_FIELDS(what)
};
struct entered {
    bool done = true;
    EQUUS_FIELDS(done)
};
struct enter {
    using reply = entered;
    std::string name;
    any_reference what;
    EQUUS_FIELDS(name, what)
};
struct look_up {
    using reply = found;
    std::string name;
    EQUUS_FIELDS(name)
};
using lobbying = protocol<"test.lobby", enter, look_up>;

class actor;
using role = task<> (*)(actor& me);
using service = task<told> (*)(ask asked);
using listener = task<> (*)(say said);

/// The cast of the present test.
struct part {
    std::string name;
    std::uint32_t node = 1;
    role played = nullptr;
    service answers = nullptr;
    listener hears = nullptr;
    creation with; ///< what else its creation says
};
inline std::vector<part> cast_list;

class lobby : public incarnation<lobby> {
public:
    port<lobbying> in{*this, "in"};
    task<> start() {
        for (std::uint32_t i = 0; i < cast_list.size(); ++i) {
            creation what = cast_list[i].with;
            what.module = cast_list[i].played ? "actor" : "clerk";
            what.name = cast_list[i].name;
            what.parameters["part"] = i;
            what.given["lobby"] = any_reference{in.open_stream()};
            auto made = co_await create(what, node_id{cast_list[i].node});
            if (!made)
                refused_[cast_list[i].name] = made.error().describe();
            else
                handles_[cast_list[i].name] = *made;
        }
    }
    entered on(enter e) {
        known_[e.name] = e.what;
        return {};
    }
    result<found> on(look_up l) {
        if (const auto at = known_.find(l.name); at != known_.end())
            return found{at->second};
        if (const auto at = handles_.find(l.name.substr(0, l.name.find('!')));
            at != handles_.end() && l.name.back() == '!')
            return found{any_reference{at->second}}; // "name!": its handle
        return fail(errc::not_found);
    }

private:
    std::map<std::string, any_reference> known_;
    std::map<std::string, incarnation_handle> handles_;
    std::map<std::string, std::string> refused_;
};

class actor : public incarnation<actor> {
public:
    struct parameters {
        std::uint32_t part = 0;
        EQUUS_FIELDS(part)
    };
    parameters parameters_;
    port<words> in{*this, "in"};
    stream<lobbying> lobby_door{*this, "lobby"};

    task<> main() {
        const part& mine = cast_list.at(parameters_.part);
        const any_reference own{in.open_stream()};
        co_await ok(co_await lobby_door.invoke<enter>(mine.name, own));
        detail::close(own);
        co_await mine.played(*this);
    }
    /// The reference that somebody entered under that name; waits until it is there.
    task<any_reference> find(std::string name) {
        for (int attempt = 0; attempt < 1'000; ++attempt) {
            auto got = co_await lobby_door.invoke<look_up>(name);
            if (got)
                co_return got->what;
            co_await sleep(1ms);
        }
        co_return fail(errc::not_found, name);
    }
    /// A stream to the actor of that name.
    task<stream<words>> reach(std::string name) {
        const any_reference got = co_await find(std::move(name));
        co_return co_await ok(got.as_stream<words>());
    }
    task<> offer(std::string name, any_reference what) {
        co_await ok(co_await lobby_door.invoke<enter>(name, what));
    }
};

/// Answers by handlers.
class clerk : public incarnation<clerk> {
public:
    struct parameters {
        std::uint32_t part = 0;
        EQUUS_FIELDS(part)
    };
    parameters parameters_;
    port<words> in{*this, "in"};
    stream<lobbying> lobby_door{*this, "lobby"};

    task<> start() {
        const any_reference own{in.open_stream()};
        co_await ok(co_await lobby_door.invoke<enter>(cast_list.at(parameters_.part).name, own));
        detail::close(own);
    }
    task<told> on(ask a) { co_return co_await cast_list.at(parameters_.part).answers(a); }
    task<> on(say s) {
        if (const listener hears = cast_list.at(parameters_.part).hears)
            co_await hears(s);
    }
    void on(hand_over) {}
    given_back on(borrow b) { return {b.what}; }
};

/// Nodes with a cast.
class stage : public nodes {
public:
    explicit stage(bool copy_local = false) : nodes{modules(), copy_local} { cast_list.clear(); }
    stage& play(std::string name, std::uint32_t where, role played, creation with = {}) {
        cast_list.push_back({std::move(name), where, played, nullptr, nullptr, std::move(with)});
        return *this;
    }
    stage& serve(std::string name, std::uint32_t where, service answers, creation with = {}) {
        cast_list.push_back({std::move(name), where, nullptr, answers, nullptr, std::move(with)});
        return *this;
    }
    stage& hear(std::string name, std::uint32_t where, listener hears) {
        cast_list.push_back({std::move(name), where, nullptr, nullptr, hears, {}});
        return *this;
    }
    /// On the first node.
    void begin() {
        creation what;
        what.module = "lobby";
        what.name = "lobby";
        REQUIRE(boot((*this)[0], what));
        settle();
    }

private:
    static const module_table& modules() {
        static const module_table table = [] {
            module_table made;
            made.add<lobby>("lobby");
            made.add<actor>("actor");
            made.add<clerk>("clerk");
            return made;
        }();
        return table;
    }
};

} // namespace equus::test
