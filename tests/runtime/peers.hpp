// One kernel, the root, and members whose kernels are the test itself: they say in frames whatever
// a test wants said, and keep what they hear.
#pragma once

#include "runtime/frames.hpp"
#include "runtime/packet_pool.hpp"
#include "runtime/session.hpp"

#include <equus/equus.hpp>
#include <equus/kernel/kernel.hpp>
#include <equus/status.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

namespace equus::test {

using namespace equus::literals;

class peers {
public:
    explicit peers(const module_table& modules) : root_{options(), modules} { pump(); }

    kernel& root() noexcept { return root_; }
    time_point now() const noexcept { return now_; }

    /// A new member: 0, 1, ... ; nodes 2, 3, ...
    std::size_t join() {
        const std::size_t which = all_.size();
        all_.push_back(std::make_unique<peer>());
        peer& made = *all_.back();
        made.link = link_id{which + 1};
        root_.link_up(made.link, {});
        greet(which, made.link, false);
        REQUIRE(made.session);
        return which;
    }
    /// Greets on a link of a member that the root has dialled, and says what the root answers
    /// there.
    std::vector<runtime::greeting_frame> greet_on_dialled_link(std::size_t from, bool known) {
        const link_id link{1'000 + from};
        root_.link_up(link, {dial_id{1}, true});
        pump();
        greetings_.clear();
        greet(from, link, known);
        return std::move(greetings_);
    }
    node_boot at(std::size_t which) const { return all_[which]->self; }

    template <class Frame>
    void say(std::size_t from, runtime::frame_kind kind, runtime::lane where, const Frame& frame) {
        wire::encode(frame, all_[from]->session->reserve(kind, where, wire::size_bytes(frame)));
        pump();
    }
    /// A message or a reply with that body; the header's lengths are set.
    template <class Header, class Body>
    void say(std::size_t from, Header header, const Body& body) {
        constexpr bool is_reply = std::is_same_v<Header, runtime::reply_header>;
        std::size_t before = runtime::reply_header::fixed_bytes;
        if constexpr (!is_reply)
            before = header.bytes();
        header.body_bytes = static_cast<std::uint32_t>(wire::size_bytes(body));
        const auto out =
            all_[from]->session->reserve(is_reply ? runtime::kind::reply : runtime::kind::message,
                                         runtime::lane::data, before + header.body_bytes);
        runtime::store(header, out.data());
        wire::encode(body, out.subspan(before));
        pump();
    }
    /// A dgram with that body.
    template <class Body>
    void say_dgram(std::size_t from, runtime::message_header header, const Body& body) {
        header.body_bytes = static_cast<std::uint32_t>(wire::size_bytes(body));
        const auto out = all_[from]->session->reserve(runtime::kind::dgram, runtime::lane::data,
                                                      header.bytes() + header.body_bytes);
        runtime::store(header, out.data());
        wire::encode(body, out.subspan(header.bytes()));
        pump();
    }
    void say(std::size_t from, const runtime::credit_header& credit) {
        runtime::store(credit, all_[from]
                                   ->session
                                   ->reserve(runtime::kind::credit, runtime::lane::control,
                                             runtime::credit_header::fixed_bytes)
                                   .data());
        pump();
    }
    /// Asks for an incarnation of `module`, born with a stream to that port under `name`.
    void ask_for(std::size_t from, std::string module, std::string name,
                 const detail::capability& born_with) {
        creation what;
        what.module = std::move(module);
        what.depends_on_launch = false;
        what.given[std::move(name)] = any_reference{reference{0, 0}};
        runtime::request_frame frame;
        frame.id = 1;
        frame.kind = detail::request_kind::create;
        frame.capabilities.push_back(born_with);
        frame.body = bytes(wire::size_bytes(what));
        wire::encode(what, frame.body.span());
        say(from, runtime::kind::request, runtime::lane::data, frame);
    }

    /// The messages that came to one since it was last asked.
    std::vector<runtime::message_header> messages(std::size_t to) {
        std::vector<runtime::message_header> out;
        for (const heard& each : all_[to]->inbox)
            if (each.kind == runtime::kind::message) {
                runtime::message_header header;
                REQUIRE(runtime::load(header, each.payload.span()));
                out.push_back(header);
            }
        all_[to]->inbox.clear();
        return out;
    }
    /// The references in the messages that are there.
    std::vector<detail::capability> capabilities(std::size_t of) {
        std::vector<detail::capability> out;
        for (const heard& each : all_[of]->inbox) {
            runtime::message_header header;
            if (each.kind != runtime::kind::message ||
                !runtime::load(header, each.payload.span()) || header.capability_bytes == 0)
                continue;
            auto list = wire::decode<runtime::capability_list>(
                each.payload.span().subspan(header.bytes(), header.capability_bytes));
            REQUIRE(list);
            for (detail::capability& one : list->items)
                out.push_back(std::move(one));
        }
        return out;
    }
    std::vector<runtime::credit_header> credits(std::size_t to) {
        std::vector<runtime::credit_header> out;
        for (const heard& each : all_[to]->inbox)
            if (each.kind == runtime::kind::credit)
                REQUIRE(runtime::load(out.emplace_back(), each.payload.span()));
        return out;
    }
    template <class Frame>
    std::vector<Frame> frames(std::size_t to, runtime::frame_kind kind) {
        std::vector<Frame> out;
        for (const heard& each : all_[to]->inbox)
            if (each.kind == kind) {
                auto decoded = wire::decode<Frame>(each.payload.span());
                REQUIRE(decoded);
                out.push_back(std::move(*decoded));
            }
        return out;
    }

    void advance(duration by) {
        const time_point until = now_ + by;
        while (now_ < until) {
            now_ = std::min(until, now_ + 100ms);
            pump();
        }
    }

private:
    void greet(std::size_t from, link_id link, bool known) {
        runtime::greeting_frame greeting;
        greeting.instance = 100 + from;
        greeting.self.name = "peer" + std::to_string(from);
        greeting.self.at = all_[from]->self;
        greeting.known = known;
        runtime::packet_header header;
        header.run = rdc_id{1};
        runtime::packet_writer packet{header};
        wire::encode(greeting, packet.append(runtime::kind::greeting, wire::size_bytes(greeting)));
        root_.input(link, packet.packet());
        pump();
    }
    struct heard {
        runtime::frame_kind kind;
        bytes payload;
    };
    struct peer {
        link_id link;
        node_boot self;
        std::unique_ptr<runtime::session> session;
        std::vector<heard> inbox;
    };
    static kernel_options options() {
        kernel_options made;
        made.trace_hash = true;
        return made;
    }
    bool take_output() {
        output out;
        if (!root_.next_output(out))
            return false;
        if (out.what != output::kind::packet)
            return true;
        for (const auto& each : all_)
            if (each->link == out.link) {
                hear(*each, bytes{out.data});
                return true;
            }
        runtime::frame_reader frames{out.data.subspan(runtime::packet_header_bytes)};
        for (runtime::frame f; frames.next(f);)
            if (f.kind == runtime::kind::greeting) {
                auto greeting = wire::decode<runtime::greeting_frame>(f.payload);
                REQUIRE(greeting);
                greetings_.push_back(std::move(*greeting));
            }
        return true;
    }
    void hear(peer& at, const bytes& packet) {
        auto header = runtime::parse_header(packet.span());
        REQUIRE(header);
        if (at.session && header->to == at.self) {
            REQUIRE(
                at.session->receive(*header, packet.span(), now_, [&](const runtime::frame& frame) {
                    at.inbox.push_back({frame.kind, bytes{frame.payload}});
                }));
            return;
        }
        runtime::frame_reader frames{packet.span().subspan(runtime::packet_header_bytes)};
        for (runtime::frame f; frames.next(f);) {
            if (f.kind != runtime::kind::welcome || at.session)
                continue;
            auto welcome = wire::decode<runtime::welcome_frame>(f.payload);
            REQUIRE(welcome);
            at.self = welcome->you;
            at.session = std::make_unique<runtime::session>(limits_, pool_, rdc_id{1}, at.self,
                                                            header->from, now_);
            at.session->attach(at.link, {}, now_);
        }
    }
    void pump() {
        for (bool busy = true; busy;) {
            busy = false;
            root_.tick(now_);
            while (root_.run(100)) {
            }
            while (take_output())
                busy = true;
            for (const auto& each : all_) {
                link_id link;
                std::span<const std::byte> packet;
                while (each->session && each->session->next_packet(now_, link, packet)) {
                    root_.input(link, bytes{packet}.span());
                    busy = true;
                }
            }
            REQUIRE(root_.check_invariants() == "");
        }
    }

    kernel_limits limits_;
    runtime::packet_pool pool_;
    time_point now_{1'000'000'000};
    std::vector<std::unique_ptr<peer>> all_;
    std::vector<runtime::greeting_frame> greetings_; ///< on links that are no peer's first
    kernel root_;
};

} // namespace equus::test
