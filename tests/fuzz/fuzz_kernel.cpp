// A kernel against a peer that says anything: packets that are no packets, greetings of all sorts,
// frames of every kind after a proper handshake, and, on the link of two honest kernels, their own
// packets changed. The outside answers what it likes, when it likes.
//
// Refused is whatever is wrong; the kernels' invariants hold after every step; what two honest
// nodes have with each other is not touched by a third that has only its own voice; and when the
// peer has gone, a kernel that has not been told to stop still does its work.
#include "kernel_filling.hpp"
#include "kernel_world.hpp"
#include "runtime/packet_pool.hpp"
#include "runtime/session.hpp"

using namespace equus;
using namespace equus::fuzz;
using namespace equus::runtime;

namespace {

class hostile_peer {
public:
    explicit hostile_peer(steps& input) : input_{input}, forges_{input.number() % 2 != 0} {
        join(0, false);
        pump();
    }

    void step() {
        const std::uint8_t operation = input_.number();
        const std::size_t to = input_.number() % world::count;
        switch (operation % 16) {
        case 0:
            net_.advance(duration{std::int64_t{1} << (input_.number() % 35)});
            break;
        case 1:
            raw(to);
            break;
        case 2:
            outside_of_session(to);
            break;
        case 3:
            if (forges_)
                replayed();
            break;
        case 4:
            link(to);
            break;
        case 5:
            if (input_.number() % 2 != 0)
                net_.effect(to, input_.number(), bytes{input_.body()});
            else
                net_.effect(to, input_.number(), fail(static_cast<errc>(input_.number() % 30)));
            break;
        case 6:
            join(to, input_.number() % 2 == 0);
            break;
        case 7:
            say_raw(to);
            break;
        case 8:
            create(to);
            break;
        case 9:
            net_.settle();
            break;
        case 10:
        case 11:
            say_message(to);
            break;
        default:
            say_frame(to);
            break;
        }
        pump();
        look_at_the_honest();
    }
    /// Unless it has forged the packets of one of them, or was let do what parents may.
    void look_at_the_honest() {
        if (forges_ || net_.stopped(0) || net_.stopped(1))
            return;
        EQUUS_ASSERT(!seen.misled && "an answer of another's");
        EQUUS_ASSERT(!seen.disordered && "a number of another's");
        if (seen.cut_off)
            for (const member_info& each : net_[0].status().members)
                EQUUS_ASSERT(each.at != net_[1].self() && "ended by a third");
    }
    /// The peer goes; what is left has to work.
    void end() {
        for (const std::size_t to : {std::size_t{0}, std::size_t{1}})
            if (ends_[to].link && !net_.stopped(to))
                net_[to].link_down(ends_[to].link);
        for (int i = 0; i < 20; ++i)
            net_.advance(700ms);
        if (net_.stopped(0))
            return;
        const unsigned before = probe::heard;
        const bool room =
            net_[0].status().incarnations.size() + 2 <= small_limits().incarnations_max;
        net_.boot("probe");
        for (int i = 0; i < 10; ++i)
            net_.advance(10ms);
        EQUUS_ASSERT(!room || probe::heard == before + 1);
    }

private:
    struct end_of_link {
        link_id link;
        std::unique_ptr<session> talk;
    };

    packet_header header() const {
        packet_header made;
        made.run = rdc_id{1};
        return made;
    }
    void join(std::size_t to, bool ordered) {
        if (net_.stopped(to))
            return;
        end_of_link& mine = ends_[to];
        mine.link = net_.connect(to, ordered);
        if (mine.talk) {
            mine.talk->attach(mine.link, {{}, ordered}, net_.now());
            return;
        }
        greeting_frame greeting;
        greeting.instance = 666;
        greeting.self.name = "hostile";
        greeting.self.at = self_;
        say_outside(to, kind::greeting, greeting);
    }
    template <class Frame>
    void say_outside(std::size_t to, frame_kind what, const Frame& frame) {
        packet_writer packet{header()};
        wire::encode(frame, packet.append(what, wire::size_bytes(frame)));
        net_.input(to, ends_[to].link, packet.packet());
    }
    template <class Frame>
    Frame filled() {
        Frame made;
        filler{input_, known_}.fields(made);
        return made;
    }

    void heard(link_id on, std::span<const std::byte> packet) {
        const auto header = parse_header(packet);
        EQUUS_ASSERT(header);
        for (std::size_t i = 0; i < world::count; ++i) {
            end_of_link& mine = ends_[i];
            if (mine.link != on)
                continue;
            frame_reader frames{packet.subspan(packet_header_bytes)};
            for (frame f; frames.next(f);) {
                known_.note(f);
                if (f.kind != runtime::kind::welcome || self_.node)
                    continue;
                const auto welcome = wire::decode<welcome_frame>(f.payload);
                EQUUS_ASSERT(welcome);
                self_ = welcome->you;
            }
            EQUUS_ASSERT(!frames.malformed());
            if (header->from.node && self_.node && !mine.talk) {
                mine.talk = std::make_unique<session>(limits_, pool_, rdc_id{1}, self_,
                                                      header->from, net_.now());
                mine.talk->attach(mine.link, {}, net_.now());
                known_.note(known_.nodes, header->from);
                known_.note(known_.nodes, self_);
            }
            if (mine.talk)
                static_cast<void>(mine.talk->receive(*header, packet, net_.now(), [](auto&) {}));
        }
    }
    /// What the sessions have to send goes to the kernels, and their answers come.
    void pump() {
        for (int round = 0; round < 5; ++round) {
            bool busy = false;
            for (std::size_t i = 0; i < world::count; ++i) {
                link_id link;
                std::span<const std::byte> packet;
                for (int n = 0; n < 40 && ends_[i].talk &&
                                ends_[i].talk->next_packet(net_.now(), link, packet);
                     ++n) {
                    net_.input(i, link, packet);
                    busy = true;
                }
            }
            net_.settle();
            if (!busy)
                break;
        }
        for (const world::packet_on_link& each : net_.tap()) {
            frame_reader frames{each.data.span().subspan(packet_header_bytes)};
            for (frame f; frames.next(f);)
                known_.note(f);
        }
    }

    void raw(std::size_t to) {
        const auto body = input_.body();
        packet_header made = header();
        made.from = self_;
        made.to = net_[to].self();
        made.sequence = input_.number() % 8;
        std::vector<std::byte> packet(packet_header_bytes);
        encode_header(made, packet.data());
        packet.insert(packet.end(), body.begin(), body.end());
        packet.resize(input_.number() % 4 == 0 ? packet.size() : packet.size() / 8 * 8);
        net_.input(to, ends_[to].link, packet);
        net_.input(to, ends_[to].link, body);
    }
    void outside_of_session(std::size_t to) {
        switch (input_.number() % 4) {
        case 0:
            return say_outside(to, kind::welcome, filled<welcome_frame>());
        case 1:
            return say_outside(to, kind::refusal, filled<refusal_frame>());
        default: {
            auto greeting = filled<greeting_frame>();
            if (input_.number() % 8 != 0)
                greeting.version = protocol_version;
            return say_outside(to, kind::greeting, greeting);
        }
        }
    }
    /// A packet of the honest two, again and changed.
    void replayed() {
        if (net_.tap().empty())
            return;
        world::packet_on_link again = net_.tap()[input_.number() % net_.tap().size()];
        for (std::uint8_t changes = input_.number() % 8; changes > 0; --changes) {
            const std::size_t at = input_.number() * std::size_t{8} + input_.number() % 8;
            again.data.span()[at % again.data.size()] = std::byte{input_.number()};
        }
        net_.input(again.to, again.link, again.data.span());
    }
    void link(std::size_t to) {
        const std::uint8_t what = input_.number() % 8;
        if (what == 7) {
            if (!net_.stopped(0))
                net_[0].evict(self_);
        } else if (what % 2 == 0) {
            net_.cut();
        } else if (ends_[to].link && !net_.stopped(to)) {
            if (ends_[to].talk)
                ends_[to].talk->detach(ends_[to].link, net_.now());
            net_[to].link_down(ends_[to].link);
            ends_[to].link = {};
        }
    }

    std::span<std::byte> room(std::size_t to, frame_kind what, lane where, std::size_t size) {
        session* talk = ends_[to].talk.get();
        if (!talk || talk->closed() || talk->frames_unacknowledged() > 200)
            return {};
        return talk->reserve(what, where, size);
    }
    template <class Frame>
    void say(std::size_t to, frame_kind what, lane where, const Frame& frame) {
        const std::size_t size = wire::size_bytes(frame);
        if (const auto payload = room(to, what, where, size); payload.size() == size)
            wire::encode(frame, payload);
    }
    void say_raw(std::size_t to) {
        const auto what = static_cast<frame_kind>(input_.number() % 0x50);
        const auto body = input_.body();
        const auto payload =
            room(to, what, body.size() % 2 == 0 ? lane::data : lane::control, body.size());
        std::copy_n(body.begin(), payload.size(), payload.begin());
    }
    void create(std::size_t to) {
        request_frame frame;
        frame.id = input_.number();
        frame.kind = detail::request_kind::create;
        for (std::uint8_t n = input_.number() % 3; n > 0; --n) {
            auto made = filled<detail::capability>();
            if (input_.number() % 2 == 0)
                made.kind = reference_kind::stream;
            frame.capabilities.push_back(made);
        }
        frame.body = encoded(filled<creation>());
        say(to, kind::request, lane::data, frame);
    }
    template <class Body>
    static bytes encoded(const Body& body) {
        bytes out(wire::size_bytes(body));
        wire::encode(body, out.span());
        return out;
    }
    void say_message(std::size_t to) {
        filler fill{input_, known_};
        message_header made;
        fill.fill(made.stream);
        fill.fill(made.stream_slot);
        fill.fill(made.port_slot);
        fill.fill(made.leg_slot);
        fill.fill(made.rebinds);
        fill.fill(made.channel);
        made.number = 1 + input_.number() % 20;
        made.ordinal = input_.number() % 5;
        made.flags = input_.number() % 4;
        fill.fill(made.call);
        fill.fill(made.caller);
        fill.fill(made.call_slot);
        fill.fill(made.forwards);
        made.timeout_ns = std::int64_t{1} << (input_.number() % 40);
        std::vector<detail::capability> carried(input_.number() % 4 == 0 ? 1 : 0);
        bytes list;
        for (detail::capability& each : carried)
            fill.fields(each);
        if (!carried.empty())
            list = encoded(capability_list{carried});
        const auto body = input_.number() % 2 == 0 ? encoded(ask{7}) : bytes{input_.body()};
        made.capability_count = static_cast<std::uint8_t>(carried.size());
        made.capability_bytes = static_cast<std::uint32_t>(list.size());
        made.body_bytes = static_cast<std::uint32_t>(body.size());
        const std::size_t size = made.bytes() + list.size() + body.size();
        const auto payload = room(to, kind::message, lane::data, size);
        if (payload.size() != size)
            return;
        store(made, payload.data());
        std::copy_n(list.span().begin(), list.size(), payload.begin() + made.bytes());
        std::copy_n(body.span().begin(), body.size(), payload.begin() + made.bytes() + list.size());
    }
    void say_frame(std::size_t to) {
        filler fill{input_, known_};
        switch (input_.number() % 20) {
        case 0: {
            reply_header made;
            fill.fill(made.call);
            fill.fill(made.call_slot);
            fill.fill(made.status);
            const auto body = input_.body();
            made.body_bytes = static_cast<std::uint32_t>(body.size());
            const std::size_t size = reply_header::fixed_bytes + body.size();
            if (const auto payload = room(to, kind::reply, lane::data, size);
                payload.size() == size) {
                store(made, payload.data());
                std::copy(body.begin(), body.end(), payload.begin() + reply_header::fixed_bytes);
            }
            break;
        }
        case 1:
        case 2: {
            credit_header made;
            fill.fill(made.stream);
            fill.fill(made.stream_slot);
            fill.fill(made.leg_slot);
            fill.fill(made.consumed);
            fill.fill(made.limit_messages);
            fill.fill(made.limit_bytes);
            if (const auto payload =
                    room(to, kind::credit, lane::control, credit_header::fixed_bytes);
                !payload.empty())
                store(made, payload.data());
            break;
        }
        case 3:
            return say(to, kind::next, lane::control, filled<next_frame>());
        case 4:
            return say(to, kind::moved, lane::control, filled<moved_frame>());
        case 5:
            return say(to, kind::finish, lane::data, filled<finish_frame>());
        case 6:
            return say(to, kind::broken, lane::control, filled<broken_frame>());
        case 7:
            return say(to, kind::call_held, lane::control, filled<call_held_frame>());
        case 8:
            return say(to, kind::cancel, lane::data, filled<cancel_frame>());
        case 9:
            return say(to, kind::answer, lane::data, filled<answer_frame>());
        case 10:
            return say(to, kind::event, lane::data, filled<event_frame>());
        case 11:
            return say(to, kind::channel_members, lane::control, filled<channel_members_frame>());
        case 12:
            return say(to, kind::view, lane::control, filled<view_frame>());
        case 13:
            return say(to, kind::renew, lane::control, filled<renew_frame>());
        case 14:
            return say(to, kind::renewed, lane::control, filled<renew_frame>());
        case 15:
            return say(to, kind::depart, lane::control, filled<ended_frame>());
        case 16:
            return say(to, kind::run_ended, lane::control, filled<ended_frame>());
        default: {
            auto made = filled<request_frame>();
            switch (static_cast<unsigned>(made.kind) % 8) {
            case 0:
                made.body = encoded(filled<watch_body>());
                break;
            case 1:
                made.body = encoded(filled<depend_body>());
                break;
            case 2:
                made.body = encoded(filled<join_channel_body>());
                break;
            case 3:
                made.body = encoded(filled<follow_channel_body>());
                break;
            default:
                break;
            }
            made.kind = static_cast<detail::request_kind>(input_.number() % 26);
            const bool of_a_parent = made.kind == detail::request_kind::destroy ||
                                     made.kind == detail::request_kind::depend ||
                                     (made.kind >= detail::request_kind::freeze &&
                                      made.kind <= detail::request_kind::fork);
            if (of_a_parent && !forges_)
                return; // rights are looked at where the handle is
            return say(to, kind::request, lane::data, made);
        }
        }
    }

    steps& input_;
    bool forges_ = false;
    kernel_limits limits_ = small_limits();
    packet_pool pool_;
    acquaintance known_;
    node_boot self_;
    end_of_link ends_[world::count];
    world net_{[this](link_id on, std::span<const std::byte> packet) { heard(on, packet); }};
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    steps input{{reinterpret_cast<const std::byte*>(data), size}};
    hostile_peer peer{input};
    for (int count = 0; count < 200 && input.more(); ++count)
        peer.step();
    peer.end();
    return 0;
}
