// Frames of every kind with the fields that a fuzzer's bytes ask for: identities and slots mostly
// such as have been seen, so that what is said concerns something.
#pragma once

#include "runtime/frames.hpp"

#include <equus/wire/shape.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace equus::fuzz {

/// The fuzzer's bytes; zeros behind their end.
class steps {
public:
    explicit steps(std::span<const std::byte> input) : rest_{input} {}
    bool more() const { return !rest_.empty(); }
    std::uint8_t number() {
        if (rest_.empty())
            return 0;
        const auto first = std::to_integer<std::uint8_t>(rest_[0]);
        rest_ = rest_.subspan(1);
        return first;
    }
    std::uint64_t wide() {
        std::uint64_t out = 0;
        for (int i = 0; i < 8; ++i)
            out = out << 8 | number();
        return out;
    }
    std::span<const std::byte> body() {
        const std::size_t size = std::min<std::size_t>(number(), rest_.size());
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }

private:
    std::span<const std::byte> rest_;
};

/// What has been seen on the way.
struct acquaintance {
    /// A slot says something only beside the identity that is there.
    struct slot_pair {
        std::uint32_t sender = 0;
        std::uint32_t receiver = ~0u;
    };
    std::vector<node_boot> nodes{{}};
    std::vector<incarnation_id> incarnations{{}};
    std::vector<stream_id> streams{{}};
    std::map<stream_id, slot_pair> stream_slots;
    std::map<call_id, slot_pair> call_slots;
    std::vector<port_id> ports{{}};
    std::vector<channel_id> channels{{}};
    std::vector<call_id> calls{{}};
    std::vector<std::uint32_t> slots{0, ~0u};
    std::vector<std::uint64_t> numbers{0, ~std::uint64_t{0}};

    template <class T>
    static void note(std::vector<T>& in, const T& what) {
        if (in.size() < 200 && std::find(in.begin(), in.end(), what) == in.end())
            in.push_back(what);
    }
    void note(const runtime::frame& f) {
        runtime::message_header message;
        runtime::credit_header credit;
        runtime::reply_header reply;
        if (f.kind == runtime::kind::message && load(message, f.payload)) {
            note(incarnations, message.stream.owner);
            note(incarnations, message.channel.owner);
            note(streams, message.stream);
            note(channels, message.channel);
            for (const std::uint32_t slot :
                 {message.stream_slot, message.port_slot, message.leg_slot, message.call_slot})
                note(slots, slot);
            note(numbers, message.number);
            note(numbers, stable_hash("fuzz.words"));
            stream_slots[message.stream].sender = message.stream_slot;
            if (message.call) {
                note(calls, message.call);
                call_slots[message.call].sender = message.call_slot;
            }
        } else if (f.kind == runtime::kind::credit && load(credit, f.payload)) {
            note(streams, credit.stream);
            note(slots, credit.leg_slot);
            stream_slots[credit.stream].receiver = credit.leg_slot;
        } else if (f.kind == runtime::kind::reply && load(reply, f.payload)) {
            note(calls, reply.call);
        } else if (f.kind == runtime::kind::request) {
            if (const auto request = wire::decode<runtime::request_frame>(f.payload)) {
                note(incarnations, request->asker);
                note(incarnations, request->subject);
                for (const detail::capability& each : request->capabilities) {
                    note(ports, each.port);
                    note(channels, each.channel);
                    note(slots, each.at.slot);
                }
            }
        }
    }
};

class filler {
public:
    filler(steps& from, const acquaintance& known) : from_{from}, known_{known} {}

    template <class T>
    void fill(T& to) {
        if constexpr (std::is_same_v<T, bool>) {
            to = from_.number() % 2 != 0;
        } else if constexpr (std::is_enum_v<T>) {
            const std::uint8_t n = from_.number();
            to = static_cast<T>(n < 240 ? n % 30 : n);
        } else if constexpr (std::is_same_v<T, node_boot>) {
            known_or_any(to, known_.nodes);
        } else if constexpr (std::is_same_v<T, incarnation_id>) {
            known_or_any(to, known_.incarnations);
        } else if constexpr (std::is_same_v<T, stream_id>) {
            known_or_any(to, known_.streams);
            choose(known_.stream_slots, to);
        } else if constexpr (std::is_same_v<T, port_id>) {
            known_or_any(to, known_.ports);
        } else if constexpr (std::is_same_v<T, channel_id>) {
            known_or_any(to, known_.channels);
        } else if constexpr (std::is_same_v<T, call_id>) {
            known_or_any(to, known_.calls);
            choose(known_.call_slots, to);
        } else if constexpr (std::is_same_v<T, std::uint32_t>) {
            to = integer<T>({slots_.sender, slots_.receiver, known_.slots[0], known_.slots.back()});
        } else if constexpr (std::is_integral_v<T>) {
            to = static_cast<T>(integer<std::uint64_t>(known_.numbers));
        } else if constexpr (requires { typename T::representation; }) {
            fill(to.value);
        } else if constexpr (std::is_same_v<T, std::string>) {
            static constexpr const char* texts[] = {"",  "hub",   "caller", "greeter",
                                                    "b", "in",    "out",    "fuzz.words",
                                                    "a", "probe", "\xff",   "nobody"};
            to = texts[from_.number() % std::size(texts)];
        } else if constexpr (std::is_same_v<T, bytes>) {
            to = bytes{from_.body()};
        } else if constexpr (requires { to.emplace_back(); }) {
            for (std::uint8_t n = from_.number() % 4; n > 0; --n)
                fill(to.emplace_back());
        } else if constexpr (std::is_same_v<T, any_reference>) {
            to = any_reference{reference{from_.number() % 4u, 0}};
        } else if constexpr (requires { typename T::mapped_type; }) {
            for (std::uint8_t n = from_.number() % 3; n > 0; --n) {
                typename T::key_type key{};
                fill(key);
                fill(to[key]);
            }
        } else if constexpr (has_fields<T>) {
            fields(to);
        }
    }
    /// All fields, also of what could have been seen.
    template <class T>
    void fields(T& to) {
        to.equus_visit([this](auto&... each) { (this->fill(each), ...); });
    }

private:
    template <class T>
    void known_or_any(T& to, const std::vector<T>& known) {
        const std::uint8_t n = from_.number();
        if (n < 250)
            to = known[n % known.size()];
        else
            fields(to);
    }
    template <class Id>
    void choose(const std::map<Id, acquaintance::slot_pair>& from, const Id& id) {
        if (const auto found = from.find(id); found != from.end())
            slots_ = found->second;
    }
    template <class T>
    T integer(const std::vector<T>& known) {
        const std::uint8_t n = from_.number();
        if (n < 128)
            return known[n % known.size()];
        return n < 250 ? static_cast<T>(n - 128) : static_cast<T>(from_.wide());
    }

    steps& from_;
    const acquaintance& known_;
    acquaintance::slot_pair slots_; ///< of the identity named last
};

} // namespace equus::fuzz
